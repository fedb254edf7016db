using System.Text.Json.Nodes;
using Lavka.Testing;

namespace Lavka.Deploy.Tests;

/// <summary>The access control of the Configurations: every call that the code makes is allowed, and no other.</summary>
public sealed class AccessTests
{
    private const string TrustDomain = "public";

    // What is between a service and its own sidecar.
    private static readonly (string Verb, string Path)[] Private =
    [
        ("GET", "/dapr/subscribe"), ("GET", "/dapr/config"), ("GET", "/"), ("GET", "/openapi/v2.json"), ("POST", "/job/x"), ("POST", "/dead-letters/keep"),
        ("POST", "/events"), ("POST", "/events/orders/order.created"), ("POST", "/Events/orders/order.created"), ("POST", "/v1/users/../../events"),
        ("PUT", "/actors/CartActor/a-1/method/Add"), ("PUT", "/actors/CartActor/a-1/method/remind/x"), ("DELETE", "/actors/CartActor/a-1"),
    ];

    [Fact]
    public void The_code_makes_the_calls_that_we_know_of()
    {
        Assert.Superset(
            new HashSet<Call>
            {
                new("gateway", "users", "POST", "/credentials"), new("gateway", "orders", "POST", "/v1/orders"), new("gateway", "orders", "PATCH", "/v1/orders/a-1"),
                new("gateway", "orders", "DELETE", "/v2/users/a-1/cart/a-1/b"), new("gateway", "payments", "GET", "/v2/payments/a-1"),
                new("gateway", "loyalty", "GET", "/v2/users/a-1/points"), new("gateway", "loyalty", "POST", "/dead-letters/a-1/resend"),
                new("orders", "users", "GET", "/v1/users/a-1"), new("orders", "catalog", "POST", "/lavka.catalog.v1.Prices/Get"), new("orders", "shipping", "POST", "/shipments/a-1/stop"),
                new("payments", "orders", "GET", "/v1/orders/a-1"), new("notifications", "users", "GET", "/v2/users/a-1"),
            },
            ServiceCode.Calls.ToHashSet());

        // V2Carts calls actors of its own service.
        Assert.Equal(["Forwarder", "GrpcExtensions", "Peers", "V2Carts"], ServiceCode.Callers.Order(StringComparer.Ordinal));
    }

    [HelmFact]
    public Task Every_call_of_the_code_is_allowed() => HaveNo((rendering, allows) =>
        from call in ServiceCode.Calls
        where !allows(call, rendering.Case.Namespace, TrustDomain)
        select call);

    // daprd's rule for /x/* holds for /x, too.
    [HelmFact]
    public Task No_other_service_may_make_it() => HaveNo((rendering, allows) =>
        from call in ServiceCode.Calls.DistinctBy(call => (call.Called, call.Verb, call.Path))
        from caller in ServiceCode.Apps.Select(app => app.Id).Append("stranger")
        let other = call with { Caller = caller }
        where caller != call.Called && !ServiceCode.Calls.Contains(other) && !ServiceCode.Calls.Contains(other with { Path = $"{call.Path}/a-1" }) && allows(other, rendering.Case.Namespace, TrustDomain)
        select other);

    [HelmFact]
    public Task Nobody_of_another_namespace_or_another_trust_domain_may_make_it() => HaveNo((rendering, allows) =>
        from call in ServiceCode.Calls
        where allows(call, "elsewhere", TrustDomain) || allows(call, rendering.Case.Namespace, "other.example")
        select call);

    [HelmFact]
    public Task Nobody_may_do_what_only_a_service_s_own_sidecar_does() => HaveNo((rendering, allows) =>
        from called in ServiceCode.Apps
        from caller in ServiceCode.Apps
        from request in Private
        let call = new Call(caller.Id, called.Id, request.Verb, request.Path)
        where caller != called && allows(call, rendering.Case.Namespace, TrustDomain)
        select call);

    [HelmFact]
    public async Task No_rule_and_no_verb_is_there_that_no_call_needs()
    {
        var rendering = await Helm.Oldest.Render(Cases.Usual);
        foreach (var app in ServiceCode.Apps)
        {
            var rules = AccessControlOf(rendering, app.Id);
            var calls = ServiceCode.Calls.Where(call => call.Called == app.Id).ToList();
            for (var p = 0; p < rules.Items("policies").Count(); p++)
            {
                for (var o = 0; o < rules.Items("policies").ElementAt(p).Items("operations").Count(); o++)
                {
                    for (var v = 0; v < Operation(rules, p, o).Items("httpVerb").Count(); v++)
                    {
                        var fewer = rules.DeepClone();
                        ((JsonArray)Operation(fewer, p, o)["httpVerb"]!).RemoveAt(v);
                        var access = new AccessControl(fewer);

                        Assert.True(
                            calls.Any(call => !access.Allows(call.Caller, rendering.Case.Namespace, TrustDomain, call.Verb, call.Path)),
                            $"{app.Id}: nobody needs verb {v} of {Operation(rules, p, o).ToJsonString()}");
                    }
                }
            }
        }
    }

    [Theory]
    [InlineData("[{ name: /a, httpVerb: [GET], action: allow }]", "GET /a, GET /a/b/c, GET /A/../a, get /a no, POST /a no, GET /ab no")]
    [InlineData("[{ name: /a/*, httpVerb: ['*'], action: allow }]", "GET /a, GET /a/b, POST /a/b/, GET /a/b/c no, GET / no")]
    [InlineData("[{ name: /a/**, httpVerb: [GET], action: allow }]", "GET /a, GET /a/b, GET /a/b/c, GET /b no")]
    [InlineData("[{ name: /a/*, httpVerb: [GET], action: allow }, { name: /a/**/c, httpVerb: [POST], action: allow }]", "GET /a/b, POST /a/b no, POST /a/b/c, GET /a/b/c no, POST /a/b/d no")]
    [InlineData("[{ name: /a/x*, httpVerb: [GET], action: allow }]", "GET /a/x, GET /a/xy, GET /a/y no")]
    [InlineData("[{ name: /a, httpVerb: [GET], action: allow }, { name: /a, httpVerb: [POST], action: allow }, { name: a/b, httpVerb: [POST], action: allow }]", "GET /a/b, POST /a no, POST /a/b no")]
    [InlineData("[{ name: /a/*/c, httpVerb: [GET], action: allow }]", "GET /a/b/c no")]
    public void Rules_are_evaluated_as_daprd_does(string operations, string requests)
    {
        var access = new AccessControl(YamlJson.Nodes($"{{ defaultAction: deny, policies: [{{ appId: x, namespace: n, trustDomain: public, defaultAction: deny, operations: {operations} }}] }}").Single()!);

        foreach (var request in requests.Split(", "))
        {
            var parts = request.Split(' ');

            Assert.True(access.Allows("x", "n", "public", parts[0], parts[1]) == (parts.Length == 2), request);
        }
    }

    private static Task HaveNo(Func<Rendering, Func<Call, string, string, bool>, IEnumerable<Call>> calls) => Renderings.HaveNo(rendering =>
    {
        var access = ServiceCode.Apps.ToDictionary(app => app.Id, app => new AccessControl(AccessControlOf(rendering, app.Id)));
        return calls(rendering, (call, @namespace, trustDomain) => access[call.Called].Allows(call.Caller, @namespace, trustDomain, call.Verb, call.Path)).Select(call => call.ToString());
    });

    private static JsonNode AccessControlOf(Rendering rendering, string appId) => rendering.Find("Configuration", rendering.Apps[appId].Annotations["dapr.io/config"])!.Json.At("spec.accessControl")!;

    private static JsonNode Operation(JsonNode accessControl, int policy, int operation) => accessControl["policies"]![policy]!["operations"]![operation]!;
}
