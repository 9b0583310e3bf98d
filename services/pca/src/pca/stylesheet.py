"""The look of a plot; every rule stays within it when it is put into a page."""

STYLESHEET = """
.pca-plot{font:12px system-ui,sans-serif}
.pca-plot .paper{fill:#fff}
.pca-plot .panel{fill:#f6f7f9}
.pca-plot .grid{fill:none;stroke:#e1e5ea}
.pca-plot .points{fill:#4a6fa5;fill-opacity:.6;stroke:#fff;stroke-opacity:.7;stroke-width:.8}
.pca-plot .line,.pca-plot .halo{stroke-width:2.5;stroke-linecap:round;stroke-linejoin:round}
.pca-plot .halo{fill:none;stroke:#f6f7f9;stroke-width:4}
.pca-plot .thin .line,.pca-plot .loading .line{stroke-width:1.5}
.pca-plot .thin .halo,.pca-plot .loading .halo{stroke-width:3.5}
.pca-plot .mean{fill:#fff;stroke:#1f2933;stroke-width:2}
.pca-plot .track{fill:#e1e5ea}
.pca-plot text{fill:#1f2933}
.pca-plot .title{font-size:18px;font-weight:600}
.pca-plot .quiet{fill:#5f6c7b}
.pca-plot .strong,.pca-plot .name{font-weight:600}
.pca-plot .name{paint-order:stroke;stroke:#f6f7f9;stroke-width:4;stroke-linejoin:round}
.pca-plot .middle{text-anchor:middle}
.pca-plot .end{text-anchor:end}
.pca-plot .pc1{fill:#c0392b}
.pca-plot .pc1 .line{stroke:#c0392b}
.pca-plot .pc2{fill:#0f766e}
.pca-plot .pc2 .line{stroke:#0f766e}
.pca-plot .loading{fill:#6d4aa8}
.pca-plot .loading .line{stroke:#6d4aa8}
.pca-plot .rest{fill:#66717f}
@media(prefers-color-scheme:dark){
.pca-plot .paper{fill:#12171e}
.pca-plot .panel{fill:#1a212b}
.pca-plot .grid{stroke:#2b3644}
.pca-plot .points{fill:#8fb4e8;stroke:#12171e}
.pca-plot .halo,.pca-plot .name{stroke:#1a212b}
.pca-plot .mean{fill:#12171e;stroke:#e6eaf0}
.pca-plot .track{fill:#2b3644}
.pca-plot text{fill:#e6eaf0}
.pca-plot .quiet{fill:#98a5b5}
.pca-plot .pc1{fill:#ff8a75}
.pca-plot .pc1 .line{stroke:#ff8a75}
.pca-plot .pc2{fill:#4fd1c0}
.pca-plot .pc2 .line{stroke:#4fd1c0}
.pca-plot .loading{fill:#c4a7f5}
.pca-plot .loading .line{stroke:#c4a7f5}
.pca-plot .rest{fill:#8d99a8}
}
"""
