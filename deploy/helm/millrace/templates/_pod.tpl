{{/* The pod's template, which a Deployment and a DaemonSet have in common. */}}
{{- define "millrace.pod" -}}
{{- include "millrace.validate" . -}}
metadata:
  labels:
    {{- include "millrace.selectorLabels" . | nindent 4 }}
    app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
    {{- with .Values.podLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  annotations:
    kubectl.kubernetes.io/default-container: millrace
    {{- if and (eq .Values.reload.mode "rollout") (not .Values.existingConfigMap) }}
    checksum/config: {{ include "millrace.config" . | sha256sum }}
    {{- end }}
    {{- with .Values.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  serviceAccountName: {{ include "millrace.serviceAccountName" . }}
  # Millrace asks nothing of the API.
  automountServiceAccountToken: false
  enableServiceLinks: false
  {{- with .Values.imagePullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  terminationGracePeriodSeconds: {{ include "millrace.gracePeriod" . }}
  {{- if .Values.hostNetwork }}
  hostNetwork: true
  dnsPolicy: ClusterFirstWithHostNet
  {{- end }}
  {{- if eq .Values.reload.mode "sighup" }}
  # The sidecar finds Millrace by its command line and signals it, as the same user.
  shareProcessNamespace: true
  {{- end }}
  securityContext:
    runAsNonRoot: true
    runAsUser: 65532
    runAsGroup: 65532
    fsGroup: 65532
    seccompProfile:
      type: {{ .Values.seccomp.type }}
      {{- if eq .Values.seccomp.type "Localhost" }}
      localhostProfile: {{ .Values.seccomp.localhostProfile | quote }}
      {{- end }}
    {{- with .Values.sysctls }}
    sysctls:
      {{- toYaml . | nindent 6 }}
    {{- end }}
  containers:
    - name: millrace
      image: {{ include "millrace.image" . | quote }}
      imagePullPolicy: {{ .Values.image.pullPolicy }}
      args: [run, -c, /etc/millrace/millrace.yaml]
      ports:
        {{- range include "millrace.ports" . | fromJsonArray }}
        - name: tcp-{{ int . }}
          containerPort: {{ int . }}
          protocol: TCP
        {{- end }}
        - name: metrics
          containerPort: {{ int .Values.metrics.port }}
          protocol: TCP
      {{- include "millrace.probes" . | trim | nindent 6 }}
      lifecycle:
        preStop:
          exec:
            command: [sleep, {{ int .Values.drain.delaySeconds | toString | quote }}]
      securityContext:
        {{- include "millrace.containerSecurity" . | nindent 8 }}
      resources:
        {{- toYaml .Values.resources | nindent 8 }}
      volumeMounts:
        # The folder and not the file (subPath): only then does the kubelet update it.
        - name: config
          mountPath: /etc/millrace
          readOnly: true
        - name: run
          mountPath: /run/millrace
        {{- with .Values.extraVolumeMounts }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
    {{- if eq .Values.reload.mode "sighup" }}
    - name: reload
      image: {{ include "millrace.image" . | quote }}
      imagePullPolicy: {{ .Values.image.pullPolicy }}
      command: [/usr/bin/reload-on-change, --interval, {{ int .Values.reload.intervalSeconds | toString | quote }}, /etc/millrace/millrace.yaml]
      securityContext:
        {{- include "millrace.containerSecurity" . | nindent 8 }}
      resources:
        {{- toYaml .Values.reload.resources | nindent 8 }}
      volumeMounts:
        - name: config
          mountPath: /etc/millrace
          readOnly: true
    {{- end }}
  volumes:
    - name: config
      configMap:
        name: {{ include "millrace.configMapName" . }}
        items:
          - key: millrace.yaml
            path: millrace.yaml
    # The sockets of UNIX listeners.
    - name: run
      emptyDir:
        medium: Memory
        sizeLimit: 1Mi
    {{- with .Values.extraVolumes }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- include "millrace.scheduling" . | trim | nindent 2 }}
{{- end -}}

{{- define "millrace.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}

{{- define "millrace.probes" -}}
{{- range $name, $path := dict "startupProbe" "/healthz" "livenessProbe" "/healthz" "readinessProbe" "/readyz" }}
{{ $name }}:
  httpGet:
    path: {{ $path }}
    port: metrics
  {{- toYaml (index $.Values $name) | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "millrace.scheduling" -}}
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- if kindIs "slice" .Values.topologySpreadConstraints }}
{{- with .Values.topologySpreadConstraints }}
topologySpreadConstraints:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- else if eq .Values.kind "Deployment" }}
topologySpreadConstraints:
  - maxSkew: 1
    topologyKey: kubernetes.io/hostname
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "millrace.selectorLabels" . | nindent 8 }}
{{- end }}
{{- end -}}
