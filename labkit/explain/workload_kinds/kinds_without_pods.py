"""Kinds of objects that are known to run no pods.

A gate opens beside an object only if pods were found in it, or if it stands here.
"""

from __future__ import annotations

from typing import Final


def _split(text: str) -> frozenset[str]:
    return frozenset(text.split())


# kubernetes/api v0.37, and what earlier releases had; a ControllerRevision is a copy that runs nothing itself.
_OWN: Final = _split(
    """Binding ComponentStatus ConfigMap Endpoints Event LimitRange Namespace Node PersistentVolume
    PersistentVolumeClaim ResourceQuota Secret Service ServiceAccount ControllerRevision Scale Status
    HorizontalPodAutoscaler Ingress IngressClass NetworkPolicy IPAddress ServiceCIDR PodDisruptionBudget
    PodSecurityPolicy Eviction Role RoleBinding ClusterRole ClusterRoleBinding PriorityClass StorageClass
    VolumeAttachment VolumeAttributesClass CSIDriver CSINode CSIStorageCapacity RuntimeClass Lease LeaseCandidate
    EndpointSlice CertificateSigningRequest ClusterTrustBundle PodCertificateRequest FlowSchema
    PriorityLevelConfiguration APIService CustomResourceDefinition MutatingWebhookConfiguration
    ValidatingWebhookConfiguration ValidatingAdmissionPolicy ValidatingAdmissionPolicyBinding MutatingAdmissionPolicy
    MutatingAdmissionPolicyBinding DeviceClass ResourceClaim ResourceClaimTemplate ResourceSlice DeviceTaintRule
    StorageVersion StorageVersionMigration TokenReview TokenRequest SelfSubjectReview SubjectAccessReview
    SelfSubjectAccessReview SelfSubjectRulesReview LocalSubjectAccessReview PodPreset"""
)
_OWN_GROUPS: Final = _split(
    """ apps batch autoscaling policy extensions networking.k8s.io rbac.authorization.k8s.io scheduling.k8s.io
    storage.k8s.io node.k8s.io coordination.k8s.io discovery.k8s.io certificates.k8s.io events.k8s.io
    flowcontrol.apiserver.k8s.io apiregistration.k8s.io apiextensions.k8s.io admissionregistration.k8s.io
    resource.k8s.io internal.apiserver.k8s.io storagemigration.k8s.io authentication.k8s.io authorization.k8s.io
    settings.k8s.io"""
) | {""}

# Groups of which no kind makes a pod by itself: routes, policies, certificates, secrets, and what programs on
# somebody's own machine read, which no API server takes.
_GROUPS_WITHOUT_PODS: Final = _split(
    """networking.istio.io security.istio.io telemetry.istio.io extensions.istio.io gateway.networking.k8s.io
    policy.networking.k8s.io networking.gke.io cloud.google.com cert-manager.io acme.cert-manager.io
    external-secrets.io kyverno.io policies.kyverno.io templates.gatekeeper.sh constraints.gatekeeper.sh
    config.gatekeeper.sh mutations.gatekeeper.sh cilium.io crd.projectcalico.org projectcalico.org traefik.io
    traefik.containo.us metallb.io snapshot.storage.k8s.io bitnami.com isindir.github.com secrets.hashicorp.com
    secrets-store.csi.x-k8s.io getambassador.io configuration.konghq.com policy.linkerd.io linkerd.io
    split.smi-spec.io specs.smi-spec.io access.smi-spec.io projectcontour.io flagger.app goldilocks.fairwinds.com
    notification.toolkit.fluxcd.io image.toolkit.fluxcd.io source.toolkit.fluxcd.io metrics.k8s.io
    custom.metrics.k8s.io external.metrics.k8s.io autoscaling.k8s.io wgpolicyk8s.io aquasecurity.github.io
    route.openshift.io image.openshift.io project.openshift.io security.openshift.io user.openshift.io
    oauth.openshift.io quota.openshift.io authorization.openshift.io config.openshift.io console.openshift.io
    k8s.cni.cncf.io nfd.k8s-sigs.io nodefeature.karpenter.sh karpenter.sh karpenter.k8s.aws karpenter.azure.com
    vpcresources.k8s.aws elbv2.k8s.aws crd.k8s.amazonaws.com aws.upbound.io externaldns.k8s.io app.k8s.io
    kueue.x-k8s.io reloader.stakater.com generators.external-secrets.io
    backstage.io kind.x-k8s.io kind.sigs.k8s.io k3d.io ctlptl.dev kubeadm.k8s.io
    audit.k8s.io apiserver.k8s.io
    client.authentication.k8s.io eksctl.io kops.k8s.io devspace.sh ko.build carvel.dev dev.okteto.com
    krew.googlecontainertools.github.com controller-runtime.sigs.k8s.io
    config.istio.io certmanager.k8s.io spire.spiffe.io appmesh.k8s.aws apisix.apache.org
    gateway.networking.x-k8s.io inference.networking.k8s.io inference.networking.x-k8s.io resolution.tekton.dev
    dashboard.grafana.app
    trust.cert-manager.io policy.sigstore.dev dapr.io onepassword.com aadpodidentity.k8s.io spv.no
    status.gatekeeper.sh expansion.gatekeeper.sh externaldata.gatekeeper.sh match.gatekeeper.sh
    hub.traefik.io k8s.nginx.org appprotect.f5.com appprotectdos.f5.com gateway.nginx.org
    component-config.kubebuilder.io kuttl.dev testing.kyverno.io cli.kyverno.io chainsaw.kyverno.io"""
)
_COMPONENT_CONFIGURATION: Final = (".config.k8s.io", ".config.x-k8s.io")
# Of groups that have kinds with pods too.
_KINDS_WITHOUT_PODS: Final = _split(
    """monitoring.coreos.com/ServiceMonitor monitoring.coreos.com/PodMonitor monitoring.coreos.com/PrometheusRule
    monitoring.coreos.com/Probe monitoring.coreos.com/AlertmanagerConfig monitoring.coreos.com/ScrapeConfig
    argoproj.io/AppProject argoproj.io/EventBus argoproj.io/WorkflowEventBinding argoproj.io/WorkflowTaskSet
    keda.sh/ScaledObject keda.sh/TriggerAuthentication keda.sh/ClusterTriggerAuthentication
    tekton.dev/Pipeline triggers.tekton.dev/TriggerBinding triggers.tekton.dev/ClusterTriggerBinding
    triggers.tekton.dev/Trigger triggers.tekton.dev/ClusterInterceptor
    serving.knative.dev/Route serving.knative.dev/DomainMapping networking.internal.knative.dev/Certificate
    eventing.knative.dev/Broker eventing.knative.dev/Trigger messaging.knative.dev/Subscription
    messaging.knative.dev/Channel messaging.knative.dev/InMemoryChannel
    velero.io/Backup velero.io/Schedule velero.io/Restore velero.io/BackupStorageLocation
    velero.io/VolumeSnapshotLocation operators.coreos.com/OperatorGroup operators.coreos.com/CatalogSource
    kafka.strimzi.io/KafkaTopic kafka.strimzi.io/KafkaUser operator.openshift.io/IngressController
    grafana.integreatly.org/GrafanaDashboard grafana.integreatly.org/GrafanaDatasource
    grafana.integreatly.org/GrafanaFolder argoproj.io/AnalysisTemplate argoproj.io/ClusterAnalysisTemplate
    argoproj.io/AnalysisRun
    monitoring.googleapis.com/PodMonitoring monitoring.googleapis.com/ClusterPodMonitoring
    monitoring.googleapis.com/NodeMonitoring monitoring.googleapis.com/ClusterNodeMonitoring
    monitoring.googleapis.com/Rules monitoring.googleapis.com/ClusterRules monitoring.googleapis.com/GlobalRules
    gateway.envoyproxy.io/SecurityPolicy gateway.envoyproxy.io/BackendTrafficPolicy gateway.envoyproxy.io/Backend
    gateway.envoyproxy.io/ClientTrafficPolicy gateway.envoyproxy.io/EnvoyExtensionPolicy
    gateway.envoyproxy.io/EnvoyPatchPolicy gateway.envoyproxy.io/HTTPRouteFilter"""
)
# Of clouds' own operators, each kind of which stands for something in the cloud.
_OF_CLOUDS: Final = (".cnrm.cloud.google.com", ".services.k8s.aws", ".azure.com", ".upbound.io")


def runs_no_pods(kind: str, group: str | None) -> bool:
    """Whether objects of a kind make no pods, even if there is something in them that looks like one."""
    if group is None or group in _OWN_GROUPS:
        return kind in _OWN
    return group in _GROUPS_WITHOUT_PODS or group.endswith(_COMPONENT_CONFIGURATION)


def need_have_no_pods(kind: str, group: str | None) -> bool:
    """Whether objects of a kind make no pods if there is none to be seen in them."""
    # Kubernetes' own groups have no other kinds, and any other group has a dot in its name
    # (kubernetes/apiextensions-apiserver:pkg/apis/apiextensions/validation/validation.go).
    if group is None:
        return False
    return (
        f"{group}/{kind}" in _KINDS_WITHOUT_PODS
        or group in _OWN_GROUPS
        or "." not in group
        or group.endswith(_OF_CLOUDS)
    )
