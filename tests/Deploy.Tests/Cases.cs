namespace Lavka.Deploy.Tests;

/// <summary>The ways to install the chart that the tests look at.</summary>
internal static class Cases
{
    private const string Everything = """
        image: { tag: 1.2.3, pullPolicy: Always, pullSecrets: [registry-key] }
        defaults:
          podLabels: { team: shop }
          podAnnotations: { example.com/note: hello }
          serviceAccountAnnotations: { example.com/role: shop }
          env: { Logging__LogLevel__Default: Debug }
          autoscaling: { enabled: true }
          nodeSelector: { kubernetes.io/os: linux }
          tolerations: [{ key: dedicated, operator: Exists, effect: NoSchedule }]
          affinity:
            nodeAffinity:
              requiredDuringSchedulingIgnoredDuringExecution:
                nodeSelectorTerms: [{ matchExpressions: [{ key: kubernetes.io/arch, operator: In, values: [amd64, arm64] }] }]
          priorityClassName: shop
        services:
          gateway: { env: { Gateway__V1: operators }, autoscaling: { maxReplicas: 9 } }
          orders: { replicas: 3, digest: "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef" }
        dapr: { logLevel: debug, image: "docker.io/daprio/daprd:1.17.13" }
        notifications:
          smtp: { host: mail.example, existingSecret: mail-account }
          twilio: { from: "+15550100", existingSecret: twilio-account }
        ingress: { enabled: true, className: nginx, annotations: { example.com/size: "1m" }, tlsSecret: shop-tls }
        httpRoute: { enabled: true, parentRefs: [{ name: edge, namespace: gateways, sectionName: https }], hostnames: [shop.example.com] }
        networkPolicy:
          gatewayFrom: [{ namespaceSelector: { matchLabels: { kubernetes.io/metadata.name: ingress-nginx } } }]
          brokerTo: [{ ipBlock: { cidr: 10.1.0.0/16 } }]
          databaseTo: [{ ipBlock: { cidr: 10.2.0.0/16 } }]
          extraEgress: [{ to: [{ ipBlock: { cidr: 10.3.0.0/16 } }], ports: [{ port: 8200, protocol: TCP }] }]
        telemetry: { otlp: { host: collector.monitoring }, samplingRate: "1" }
        monitoring:
          serviceMonitor: { enabled: true, labels: { release: prometheus } }
          prometheusRule: { enabled: true, labels: { release: prometheus } }
          grafanaDashboard: { enabled: true }
        """;

    private const string Keda = "keda: { enabled: true }";

    private const string Nothing = """
        defaults: { replicas: 1 }
        networkPolicy: { enabled: false }
        podDisruptionBudget: { enabled: false }
        """;

    private const string ExistingSecrets = """
        secrets: { existingSecret: own-secrets, existingDaprApiToken: own-dapr-token, existingAppApiToken: own-app-token }
        broker: { existingSecret: own-broker, rabbitmq: { password: "" }, kafka: { password: "" }, redis: { password: "" } }
        state: { existingSecret: own-database, postgresql: { password: "" }, mongodb: { connectionString: "" }, redis: { password: "" } }
        """;

    private const string DevServers = """
        devBroker: { enabled: true }
        devDatabase: { enabled: true, storageClass: fast }
        """;

    private static readonly Dictionary<string, string> Brokers = new()
    {
        ["rabbitmq"] = "broker: { type: rabbitmq, rabbitmq: { host: mq.example, password: a-secret, port: 5671, tls: true } }",
        ["kafka"] = "broker: { type: kafka, kafka: { brokers: 'k1.example:9093,k2.example:9094', password: a-secret } }",
        ["redis"] = "broker: { type: redis, redis: { host: redis.example, user: lavka, password: a-secret, tls: true } }",
    };

    private static readonly Dictionary<string, string> Stores = new()
    {
        ["postgresql"] = "state: { type: postgresql, postgresql: { host: pg.example, password: a-secret } }",
        ["mongodb"] = "state: { type: mongodb, mongodb: { connectionString: 'mongodb://m.example/?replicaSet=rs0' } }",
        ["redis"] = "state: { type: redis, redis: { host: redis.example, password: a-secret } }",
    };

    /// <summary>What the README installs.</summary>
    public static readonly Case Small = new("small", [File.ReadAllText(Path.Combine(Helm.Chart, "values-small.yaml"))]);

    /// <summary>RabbitMQ and PostgreSQL, and nothing else that is not the default.</summary>
    public static readonly Case Usual = Pair("rabbitmq", "postgresql");

    public static readonly IReadOnlyList<Case> All =
    [
        Usual,
        .. from broker in Brokers.Keys from store in Stores.Keys where (broker, store) != ("rabbitmq", "postgresql") select Pair(broker, store),
        Small,
        new("bundled RabbitMQ and PostgreSQL", [DevServers]),
        new("bundled Kafka and PostgreSQL", [DevServers, "broker: { type: kafka }"]),
        new("bundled Redis", [DevServers, "broker: { type: redis }\nstate: { type: redis }"]),
        .. Brokers.Select(broker => new Case($"everything, {broker.Key}", [broker.Value, Stores["postgresql"], Everything])),
        .. Brokers.Select(broker => new Case($"everything with KEDA, {broker.Key}", [broker.Value, Stores["postgresql"], Everything, Keda])),
        new("everything bundled, with KEDA", [Everything, Keda, DevServers]),
        .. from broker in Brokers from store in Stores select new Case($"existing secrets, {broker.Key}, {store.Key}", [broker.Value, store.Value, ExistingSecrets]),
        new("existing secrets with KEDA", [.. Usual.Values, ExistingSecrets, Keda]),
        new("Kafka without a password", [Stores["postgresql"], "broker: { type: kafka, kafka: { brokers: 'k.example:9092', authType: none } }", Keda]),
        new("another secret store", [.. Usual.Values, "secretStore: { type: secretstores.hashicorp.vault, metadata: [{ name: vaultAddr, value: 'https://vault.example:8200' }] }"]),
        new("nothing", [.. Usual.Values, Nothing]),
        new("other names", [.. Usual.Values, Everything], Release: "black-friday-2026", Namespace: "eu"),
        new("names of our own", [.. Usual.Values, "fullnameOverride: shop"], Release: "x"),
        .. new[] { "1.30.0", "1.31.4", "1.32.1", "1.33.0", "1.34.0" }.Select(version => new Case($"everything, Kubernetes {version}", [.. Usual.Values, Everything], version)),
    ];

    /// <summary>All of them by both versions of Helm.</summary>
    public static async Task<IReadOnlyList<Rendering>> Rendered() => await Task.WhenAll(Helm.All.SelectMany(helm => All.Select(helm.Render)));

    /// <summary>All of them, for what Helm's version has no part in.</summary>
    public static async Task<IReadOnlyList<Rendering>> RenderedOnce() => await Task.WhenAll(All.Select(Helm.Oldest.Render));

    private static Case Pair(string broker, string store) => new($"{broker} and {store}", [Brokers[broker], Stores[store]]);
}
