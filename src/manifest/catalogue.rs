//! Which kinds there are, in which versions, and which of them matter to a bill.

/// A kind that is read.
#[derive(Clone, Copy, Debug)]
pub struct Known {
    /// The API group; empty for the core.
    pub group: &'static str,
    /// The kind.
    pub kind: &'static str,
    /// Versions that are read, the current one first.
    pub versions: &'static [&'static str],
    /// Versions that existed and are not served any more, with what that means.
    pub gone: &'static [(&'static str, &'static str)],
}

const fn known(group: &'static str, kind: &'static str, versions: &'static [&'static str]) -> Known {
    Known { group, kind, versions, gone: &[] }
}

const KUEUE: &[&str] = &["v1beta1", "v1beta2"];

/// Kinds that are read.
pub const KINDS: [Known; 24] = [
    Known {
        gone: &[("v2beta1", "not served since Kubernetes 1.25"), ("v2beta2", "not served since Kubernetes 1.26")],
        ..known("autoscaling", "HorizontalPodAutoscaler", &["v2", "v1"])
    },
    known("keda.sh", "ScaledObject", &["v1alpha1"]),
    Known {
        gone: &[("v1alpha5", "gone since Karpenter v0.33")],
        ..known("karpenter.sh", "NodePool", &["v1", "v1beta1"])
    },
    known("karpenter.k8s.aws", "EC2NodeClass", &["v1", "v1beta1"]),
    Known {
        gone: &[("v1alpha1", "not read since Descheduler v0.30")],
        ..known("descheduler", "DeschedulerPolicy", &["v1alpha2"])
    },
    Known {
        gone: &[("v1beta1", "not served any more")],
        ..known("autoscaling.k8s.io", "VerticalPodAutoscaler", &["v1", "v1beta2"])
    },
    Known {
        gone: &[("v1beta1", "not served since Kubernetes 1.25")],
        ..known("policy", "PodDisruptionBudget", &["v1"])
    },
    known("", "ResourceQuota", &["v1"]),
    known("kueue.x-k8s.io", "ClusterQueue", KUEUE),
    known("kueue.x-k8s.io", "LocalQueue", KUEUE),
    known("kueue.x-k8s.io", "ResourceFlavor", KUEUE),
    known("kueue.x-k8s.io", "Cohort", &["v1beta1", "v1beta2", "v1alpha1"]),
    known("kueue.x-k8s.io", "WorkloadPriorityClass", KUEUE),
    known("argoproj.io", "Rollout", &["v1alpha1"]),
    Known {
        gone: &[("v1beta1", "not served since Kubernetes 1.16"), ("v1beta2", "not served since Kubernetes 1.16")],
        ..known("apps", "Deployment", &["v1"])
    },
    Known {
        gone: &[("v1beta1", "not served since Kubernetes 1.16"), ("v1beta2", "not served since Kubernetes 1.16")],
        ..known("apps", "StatefulSet", &["v1"])
    },
    known("batch", "Job", &["v1"]),
    Known { gone: &[("v1beta1", "not served since Kubernetes 1.25")], ..known("batch", "CronJob", &["v1"]) },
    known("", "Pod", &["v1"]),
    Known {
        gone: &[("v1beta1", "not served since Kubernetes 1.22")],
        ..known("scheduling.k8s.io", "PriorityClass", &["v1"])
    },
    known("", "ConfigMap", &["v1"]),
    known("", "List", &["v1"]),
    known("extensions", "Deployment", &[]),
    known("extensions", "DaemonSet", &[]),
];

/// Kinds that take or give capacity and have no counterpart, with what that means.
pub const UNMODELLED: &[(&str, &str)] = &[
    ("DaemonSet", "what daemons take of each node is left out of account"),
    ("ReplicaSet", "write the Deployment that makes it"),
    ("ReplicationController", "write a Deployment"),
    ("ScaledJob", "write the jobs as work of the scenario"),
    ("RayCluster", "write its pods as Deployments, or as work of the scenario"),
    ("RayJob", "write it as a Job, or as work of the scenario"),
    ("RayService", "write it as a service of the scenario"),
    ("InferenceService", "write it as a service of the scenario"),
    ("LLMInferenceService", "write it as a service of the scenario"),
    ("InferencePool", "write it as a service of the scenario"),
    ("InferenceModel", "write it as a service of the scenario"),
    ("PyTorchJob", "write it as a Job, or as work of the scenario"),
    ("MPIJob", "write it as a Job, or as work of the scenario"),
    ("TFJob", "write it as a Job, or as work of the scenario"),
    ("TrainJob", "write it as a Job, or as work of the scenario"),
    ("JobSet", "write it as a Job, or as work of the scenario"),
    ("LeaderWorkerSet", "write its pods as a StatefulSet, or as a service of the scenario"),
    ("Notebook", "write it as a Deployment"),
    ("Workload", "Kueue makes these itself"),
    ("Workflow", "write its steps as Jobs"),
    ("CronWorkflow", "write its steps as CronJobs"),
    ("LimitRange", "pods are taken as they are written"),
    ("PersistentVolumeClaim", "disks are not billed"),
    ("Provisioner", "Karpenter before v0.33: write a NodePool"),
    ("AWSNodeTemplate", "Karpenter before v0.33: write an EC2NodeClass"),
    ("AKSNodeClass", "instance types of the scenario's pools count"),
    ("GCENodeClass", "instance types of the scenario's pools count"),
    ("NodeClaim", "Karpenter makes these itself"),
    ("NodeOverlay", "prices are the scenario's"),
    ("NodeGroup", "write it as a pool of the scenario"),
    ("Node", "write it as a pool of the scenario"),
    ("MachinePool", "write it as a pool of the scenario"),
    ("MachineDeployment", "write it as a pool of the scenario"),
    ("ClusterPolicy", "the GPU operator's settings: its device-plugin and mig-parted configurations are read"),
    ("AdmissionCheck", "nothing is checked before admission"),
    ("Topology", "topology-aware scheduling has no counterpart"),
    ("ResourceClaim", "dynamic resource allocation has no counterpart"),
    ("ResourceClaimTemplate", "dynamic resource allocation has no counterpart"),
    ("DeviceClass", "dynamic resource allocation has no counterpart"),
    ("MultidimPodAutoscaler", "write a HorizontalPodAutoscaler"),
    ("HTTPScaledObject", "write a ScaledObject"),
    ("PodGroup", "gangs are placed whole or not at all"),
    ("Queue", "write a ClusterQueue"),
    ("CapacityBuffer", "headroom is a setting of the scenario"),
    ("AppWrapper", "write what it wraps"),
    ("Cluster", "write its nodes as pools of the scenario"),
    ("ClusterConfig", "write its node groups as pools of the scenario"),
    ("Configuration", "settings of controllers are the scenario's"),
    ("KubeSchedulerConfiguration", "the scenario's queue and placement decide"),
    ("KubeletConfiguration", "what nodes keep for themselves is left out of account"),
    ("DynamoGraphDeployment", "write it as a service of the scenario"),
    ("NIMService", "write it as a service of the scenario"),
    ("NodeClass", "instance types of the scenario's pools count"),
    ("StormService", "write it as a service of the scenario"),
    ("PodAutoscaler", "write a HorizontalPodAutoscaler or a ScaledObject"),
    ("NVIDIADriver", "the GPU operator's settings"),
    ("NodeHealthCheck", "failures are the scenario's"),
];

/// API groups whose kinds have names that are read of other groups, with what that means.
pub const FOREIGN: &[(&str, &str)] = &[
    ("batch.volcano.sh", "write it as a Job, or as work of the scenario"),
    ("scheduling.volcano.sh", "write a ClusterQueue"),
    ("serving.knative.dev", "write it as a service of the scenario"),
    ("kubeflow.org", "write it as a Job, or as work of the scenario"),
    ("cluster.x-k8s.io", "write it as a pool of the scenario"),
    ("eks.amazonaws.com", "EKS Auto Mode: instance types of the scenario's pools count"),
    ("scheduling.run.ai", "write it as a Job, or as work of the scenario"),
    ("run.ai", "write it as a Job, or as work of the scenario"),
    ("apps.kruise.io", "write a Deployment or a StatefulSet"),
    ("sparkoperator.k8s.io", "write it as a Job, or as work of the scenario"),
];

/// Kinds without any bearing on a bill of GPUs.
pub const IDLE: &[&str] = &[
    "APIService",
    "AnalysisRun",
    "AnalysisTemplate",
    "AppProject",
    "Application",
    "ApplicationSet",
    "AuthorizationPolicy",
    "Binding",
    "Certificate",
    "CertificateSigningRequest",
    "ClusterAnalysisTemplate",
    "ClusterIssuer",
    "ClusterRole",
    "ClusterRoleBinding",
    "ClusterPolicyReport",
    "ClusterSecretStore",
    "Component",
    "Dashboard",
    "GrafanaDashboard",
    "ImagePolicy",
    "NodeFeatureRule",
    "PatchTransformer",
    "PolicyException",
    "PrefixSuffixTransformer",
    "Telemetry",
    "TracingPolicy",
    "VolumeSnapshot",
    "ClusterTriggerAuthentication",
    "ControllerRevision",
    "CustomResourceDefinition",
    "DestinationRule",
    "EndpointSlice",
    "Endpoints",
    "EnvoyFilter",
    "Event",
    "ExternalSecret",
    "FlowSchema",
    "Gateway",
    "GatewayClass",
    "GitRepository",
    "GRPCRoute",
    "HTTPRoute",
    "HelmRelease",
    "HelmRepository",
    "Ingress",
    "IngressClass",
    "Issuer",
    "Kustomization",
    "Lease",
    "MutatingAdmissionPolicy",
    "MutatingAdmissionPolicyBinding",
    "MutatingWebhookConfiguration",
    "Namespace",
    "NetworkPolicy",
    "PeerAuthentication",
    "PersistentVolume",
    "PodMonitor",
    "PodTemplate",
    "PriorityLevelConfiguration",
    "Probe",
    "Prometheus",
    "PrometheusRule",
    "ReferenceGrant",
    "Role",
    "RoleBinding",
    "RuntimeClass",
    "SealedSecret",
    "Secret",
    "SecretProviderClass",
    "SecretStore",
    "Service",
    "ServiceAccount",
    "ServiceEntry",
    "ServiceMonitor",
    "Sidecar",
    "StorageClass",
    "TargetGroupBinding",
    "TriggerAuthentication",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
    "ValidatingWebhookConfiguration",
    "VirtualService",
    "VolumeAttachment",
    "VolumeSnapshotClass",
];
