"""Where it stands: figure, panel, legend, axes' ticks, text."""
