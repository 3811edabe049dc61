{{- define "multicode.name" -}}
{{- if contains "multicode" .Release.Name -}}
{{- .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-multicode" .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "multicode.chosen" -}}
app.kubernetes.io/name: multicode
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "multicode.labels" -}}
{{ include "multicode.chosen" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{- define "multicode.image" -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" .Values.image.repository (.Values.image.tag | default .Chart.AppVersion) -}}
{{- end -}}
{{- end -}}

{{- /* The section [state] of the files, with its lines. */ -}}
{{- define "multicode.state" -}}
{{- regexFind "(?ms)^[ \\t]*\\[state\\].*?(?:^[ \\t]*\\[|\\z)" .Values.config.routes -}}
{{- end -}}

{{- /* What of the files a running gateway does not take: pods are replaced when it changes, and reload all
else. Too much is a pod replaced in vain, too little one that refuses its files. */ -}}
{{- define "multicode.fixed" -}}
{{- $keys := "address|mode|workers|fast_lane|header_timeout|idle_timeout|drain_timeout|snapshot|tls" -}}
{{- regexFindAll (printf "(?m)^[ \\t]*(?:%s)[ \\t]*=.*$" $keys) .Values.config.routes -1 | join "\n" -}}
{{- regexFindAll "(?m)^[ \\t]*\\[listener\\.[^\\]]*\\]" .Values.config.routes -1 | join "\n" -}}
{{- regexFindAll "(?ms)^[ \\t]*\\[audit[^\\n]*.*?(?:^[ \\t]*\\[|\\z)" .Values.config.routes -1 | join "\n" -}}
{{- include "multicode.state" . -}}
{{- end -}}

{{- /* Values that contradict each other. */ -}}
{{- define "multicode.sound" -}}
{{- $state := include "multicode.state" . -}}
{{- $redis := regexMatch "(?m)^[ \\t]*redis[ \\t]*=" $state -}}
{{- $file := regexMatch "(?m)^[ \\t]*file[ \\t]*=" $state -}}
{{- $kind := .Values.state.kind -}}
{{- if and (eq $kind "redis") (not $redis) -}}
{{- fail "state.kind is \"redis\", and [state] of config.routes has no \"redis\"" -}}
{{- end -}}
{{- if and (eq $kind "file") (not $file) -}}
{{- fail "state.kind is \"file\", and [state] of config.routes has no \"file\" below /var/lib/multicode" -}}
{{- end -}}
{{- if and (eq $kind "none") (or $redis $file) -}}
{{- fail "state.kind is \"none\", and [state] of config.routes has a place" -}}
{{- end -}}
{{- if and .Values.serviceMonitor.enabled .Values.networkPolicy.enabled (not .Values.networkPolicy.operators) -}}
{{- fail "serviceMonitor.enabled without networkPolicy.operators: nobody could read the metrics, name where Prometheus runs" -}}
{{- end -}}
{{- end -}}

{{- /* The pod of the Deployment and of the StatefulSet. */ -}}
{{- define "multicode.pod" -}}
metadata:
  labels:
    {{- include "multicode.labels" . | nindent 4 }}
    {{- with .Values.podLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  annotations:
    # Another one replaces the pods: a change of the files that no reload takes.
    multicode/fixed: {{ include "multicode.fixed" . | sha256sum }}
    {{- with .Values.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  serviceAccountName: {{ include "multicode.name" . }}
  automountServiceAccountToken: false
  enableServiceLinks: false
  {{- with .Values.image.pullSecrets }}
  imagePullSecrets:
    {{- range . }}
    - name: {{ . }}
    {{- end }}
  {{- end }}
  # Longer than the pause, the drain and the last words together.
  terminationGracePeriodSeconds: {{ add .Values.termination.pause .Values.termination.drain .Values.termination.rest }}
  securityContext:
    runAsNonRoot: true
    runAsUser: 65532
    runAsGroup: 65532
    fsGroup: 65532
    fsGroupChangePolicy: OnRootMismatch
    seccompProfile:
      type: RuntimeDefault
  containers:
    - name: multicode
      image: {{ include "multicode.image" . | quote }}
      imagePullPolicy: {{ .Values.image.pullPolicy }}
      args: ["serve", "--config", "/etc/multicode/routes.toml"]
      env:
        - name: MULTICODE_LOG
          value: {{ .Values.log | quote }}
      envFrom:
        - secretRef:
            name: {{ .Values.secret }}
      ports:
        - name: scan
          containerPort: {{ .Values.ports.scan }}
        - name: admin
          containerPort: {{ .Values.ports.admin }}
      startupProbe:
        httpGet: { path: /readyz, port: admin }
        periodSeconds: 1
        failureThreshold: 60
      readinessProbe:
        httpGet: { path: /readyz, port: admin }
        periodSeconds: 3
        timeoutSeconds: 2
        failureThreshold: 2
      livenessProbe:
        httpGet: { path: /livez, port: admin }
        periodSeconds: 10
        timeoutSeconds: 5
        failureThreshold: 3
      lifecycle:
        preStop:
          sleep:
            seconds: {{ .Values.termination.pause }}
      resources:
        {{- toYaml .Values.resources | nindent 8 }}
      securityContext:
        allowPrivilegeEscalation: false
        privileged: false
        readOnlyRootFilesystem: true
        capabilities:
          drop: ["ALL"]
      volumeMounts:
        - name: config
          mountPath: /etc/multicode
          readOnly: true
        - name: state
          mountPath: /var/lib/multicode
        {{- if .Values.tlsSecret }}
        - name: tls
          mountPath: /etc/multicode-tls
          readOnly: true
        {{- end }}
  volumes:
    # One volume, so that all files change in one moment (..data).
    - name: config
      projected:
        sources:
          - configMap:
              name: {{ include "multicode.name" . }}
              items:
                - { key: routes.toml, path: routes.toml }
                {{- if .Values.config.terminals }}
                - { key: terminals.toml, path: terminals.toml }
                {{- end }}
          {{- if .Values.config.departments }}
          - configMap:
              name: {{ include "multicode.name" . }}-departments
              items:
                {{- range $name, $_ := .Values.config.departments }}
                - { key: {{ $name }}, path: routes.d/{{ $name }} }
                {{- end }}
          {{- end }}
          - configMap:
              name: {{ include "multicode.name" . }}-plugins
              items:
                {{- range $name, $_ := include "multicode.plugins" . | fromYaml }}
                - { key: {{ $name }}, path: plugins/{{ $name }} }
                {{- end }}
    {{- if ne .Values.state.kind "file" }}
    # The audit trail and snapshots of keys, if the files ask for them: gone with the pod.
    - name: state
      emptyDir: {}
    {{- end }}
    {{- if .Values.tlsSecret }}
    - name: tls
      secret:
        secretName: {{ .Values.tlsSecret }}
        # With the group of the pod; the gateway refuses keys that others can read.
        defaultMode: 0440
    {{- end }}
  {{- with .Values.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.affinity }}
  affinity:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  topologySpreadConstraints:
    - maxSkew: 1
      topologyKey: kubernetes.io/hostname
      whenUnsatisfiable: ScheduleAnyway
      labelSelector:
        matchLabels:
          {{- include "multicode.chosen" . | nindent 10 }}
{{- end -}}

{{- /* The chart's families, and those of the values in place of them or beside them. */ -}}
{{- define "multicode.plugins" -}}
{{- $all := dict -}}
{{- range $path, $text := .Files.Glob "files/plugins/*.toml" -}}
{{- $_ := set $all (base $path) (toString $text) -}}
{{- end -}}
{{- range $name, $text := .Values.config.plugins -}}
{{- $_ := set $all $name $text -}}
{{- end -}}
{{- toYaml $all -}}
{{- end -}}
