{{/*
Changes the Deployment of a service to what the values say. `list` is the root, the name and the Deployment.
*/}}
{{- define "meshlens.deployment" -}}
{{- $root := index . 0 -}}{{- $name := index . 1 -}}{{- $deployment := index . 2 -}}
{{- $values := $root.Values -}}{{- $own := index $values $name -}}
{{- $template := $deployment.spec.template -}}
{{- include "meshlens.label" $template -}}
{{- $annotations := $template.metadata.annotations -}}
{{- $pod := $template.spec -}}
{{- $container := index $pod.containers 0 -}}
{{- $isClassify := eq $name "classify" -}}

{{- $repository := $own.image.repository -}}
{{- if and $isClassify $values.tensorflow.enabled -}}{{- $repository = $values.tensorflow.repository -}}{{- end -}}
{{- $_ := set $container "image" (printf "%s:%s" $repository ($own.image.tag | default $root.Chart.AppVersion)) -}}

{{- $resources := mergeOverwrite $container.resources (deepCopy $own.resources) -}}
{{- if and $isClassify $values.tensorflow.enabled -}}
{{- $_ := set $resources.requests "memory" "768Mi" -}}{{- $_ := set $resources.limits "memory" "3Gi" -}}
{{- end -}}

{{- $env := $container.env -}}{{- $ports := $container.ports -}}
{{- $mounts := $container.volumeMounts -}}{{- $volumes := $pod.volumes -}}

{{- if $isClassify -}}{{- $env = append $env (dict "name" "MODEL_ROLLOUTS" "value" "true") -}}{{- end -}}

{{- $models := $values.models -}}
{{- if and $isClassify (or $models.volume.enabled $models.image.enabled $models.bucket.enabled) -}}
{{- $env = append $env (dict "name" "MODELS" "value" "/models") -}}
{{- $mounts = append $mounts (dict "name" "models" "mountPath" "/models" "readOnly" true) -}}
{{- $volume := dict "persistentVolumeClaim" (dict "claimName" "models" "readOnly" true) -}}
{{- if $models.bucket.enabled -}}
{{- $env = append $env (dict "name" "MODEL_SOURCES" "value" "dapr://binding/models") -}}
{{- $volume = dict "configMap" (dict "name" "models") -}}
{{- else if and $models.image.enabled $models.image.copy -}}
{{- $component := index (include "meshlens.read" (list $root "components/models-image-copy/kustomization.yaml") | fromYaml).manifests 0 -}}
{{- $copied := (index $component.patches 0).patch | fromYaml -}}
{{- $copy := index $copied.spec.template.spec.initContainers 0 -}}
{{- $_ := set $pod "initContainers" (list (set $copy "image" $models.image.reference)) -}}
{{- $volume = dict "emptyDir" dict -}}
{{- else if $models.image.enabled -}}
{{- $volume = dict "image" (dict "reference" $models.image.reference "pullPolicy" "IfNotPresent") -}}
{{- end -}}
{{- $volumes = append $volumes (set $volume "name" "models") -}}
{{- end -}}

{{- if $values.http.enabled -}}
{{- $ports = append $ports (dict "name" "http" "containerPort" 8080) -}}
{{- $env = append $env (dict "name" "HTTP_PORT" "value" "8080") -}}
{{- if $values.http.secure -}}
{{- $_ := set $annotations "dapr.io/app-token-secret" "app-token" -}}
{{- $token := dict "secretKeyRef" (dict "name" "app-token" "key" "token") -}}
{{- $env = append $env (dict "name" "APP_API_TOKEN" "valueFrom" $token) -}}
{{- $env = append $env (dict "name" "HTTP_CERTIFICATE" "value" "/listeners/tls.crt") -}}
{{- $env = append $env (dict "name" "HTTP_KEY" "value" "/listeners/tls.key") -}}
{{- $mounts = append $mounts (dict "name" "listeners" "mountPath" "/listeners" "readOnly" true) -}}
{{- $volumes = append $volumes (dict "name" "listeners" "secret" (dict "secretName" "listeners")) -}}
{{- end -}}
{{- end -}}

{{- if $values.tracing.enabled -}}
{{- $collector := printf "http://%s" $values.tracing.collector -}}
{{- $env = append $env (dict "name" "OTEL_EXPORTER_OTLP_ENDPOINT" "value" $collector) -}}
{{- end -}}

{{- $settings := deepCopy $own.env -}}
{{- if $values.nativeSidecar.enabled -}}
{{- $_ := unset $annotations "dapr.io/block-shutdown-duration" -}}
{{- $_ := set $annotations "dapr.io/enable-native-sidecar" "true" -}}
{{- $settings = merge $settings (dict "DRAIN_SECONDS" "55") -}}
{{- end -}}
{{- $kept := list -}}
{{- range $env -}}{{- if not (hasKey $settings .name) -}}{{- $kept = append $kept . -}}{{- end -}}{{- end -}}
{{- range $key, $value := $settings -}}
{{- $kept = append $kept (dict "name" $key "value" $value) -}}
{{- end -}}

{{- $_ := set $container "env" $kept -}}
{{- $_ := set $container "ports" $ports -}}
{{- $_ := set $container "volumeMounts" $mounts -}}
{{- $_ := set $pod "volumes" $volumes -}}
{{- end -}}
