{{/*
The manifests of a file of k8s/, as a list: {"manifests": [...]}. `list` is the root and the file's path in k8s/.
*/}}
{{- define "meshlens.read" -}}
{{- $root := index . 0 -}}
{{- $text := $root.Files.Get (printf "files/%s" (index . 1)) | required (printf "k8s/%s is missing" (index . 1)) -}}
{{- $manifests := list -}}
{{- range regexSplit "(?m)^---$" $text -1 -}}
{{- with fromYaml . -}}{{- $manifests = append $manifests . -}}{{- end -}}
{{- end -}}
{{- dict "manifests" $manifests | toYaml -}}
{{- end -}}

{{/*
A manifest in the namespace of the release. `list` is the root and the manifest.
*/}}
{{- define "meshlens.write" -}}
{{- $root := index . 0 -}}{{- $manifest := index . 1 -}}
{{- $_ := set $manifest.metadata "namespace" $root.Release.Namespace }}
---
{{ toYaml $manifest }}
{{- end -}}

{{/*
All manifests of a file, as they are.
*/}}
{{- define "meshlens.copy" -}}
{{- $root := index . 0 -}}
{{- range (include "meshlens.read" . | fromYaml).manifests }}{{ include "meshlens.write" (list $root .) }}{{ end -}}
{{- end -}}

{{/*
The labels that k8s/base gives to what is in it.
*/}}
{{- define "meshlens.label" -}}
{{- $_ := set .metadata "labels" (merge (dict "app.kubernetes.io/part-of" "meshlens") (.metadata.labels | default dict)) -}}
{{- end -}}
