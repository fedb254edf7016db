using System.Net;
using Lavka.Sidecar.Redis;
using Lavka.Sidecar.Resources;
using StackExchange.Redis;

namespace Lavka.Sidecar.Tests;

/// <summary>What Redis' components do with the fields that they share.</summary>
public sealed class RedisOptionsTests
{
    [Theory]
    [InlineData("redis", "redis:6379")]
    [InlineData("redis:6380", "redis:6380")]
    [InlineData("127.0.0.1:6380", "127.0.0.1:6380")]
    [InlineData("[::1]:6380", "[::1]:6380")]
    [InlineData("::1", "[::1]:6379")]
    public void The_host_is_as_it_is_written(string host, string where) => Assert.Equal($"Redis at {where}", Options(("redisHost", host)).Where);

    [Fact]
    public void A_port_of_its_own_goes_with_every_host()
    {
        Assert.Equal("Redis at a:7000, b:7000", Options(("redisHost", "a, b"), ("redisPort", "7000"), ("redisType", "cluster")).Where);
        Assert.Equal("Redis at a:7000", Options(("redisHost", "a:7000"), ("redisPort", "7000")).Where);
    }

    [Theory]
    [InlineData("redisHost", "redis://user:s3cr3t@host:6379", "is no URL; allowed is host:port")]
    [InlineData("redisHost", "s3cr3t@host", "is no URL")]
    [InlineData("redisHost", "host:many", "host:port")]
    [InlineData("redisHost", "host:0", "host:port")]
    [InlineData("redisHost", ":6379", "host:port")]
    [InlineData("redisHost", "a,b", "one address; several are for redisType: cluster, or for sentinels")]
    [InlineData("redisPort", "65536", "'redisPort'")]
    [InlineData("redisPort", "7000", "two ports, 6379 and 7000")]
    [InlineData("redisType", "sharded", "node or cluster")]
    [InlineData("redisDB", "first", "'redisDB'")]
    [InlineData("redisMaxRetries", "-2", "'redisMaxRetries'")]
    [InlineData("redisMinRetryInterval", "soon", "'redisMinRetryInterval'")]
    [InlineData("redisMaxRetryInterval", "soon", "'redisMaxRetryInterval'")]
    [InlineData("maxRetries", "some", "'maxRetries'")]
    [InlineData("maxRetryBackoff", "2s", "nanoseconds")]
    [InlineData("dialTimeout", "-1", "'dialTimeout'")]
    [InlineData("readTimeout", "soon", "'readTimeout'")]
    [InlineData("writeTimeout", "soon", "'writeTimeout'")]
    [InlineData("poolSize", "large", "'poolSize'")]
    [InlineData("minIdleConns", "-1", "'minIdleConns'")]
    [InlineData("poolTimeout", "soon", "'poolTimeout'")]
    [InlineData("maxConnAge", "old", "'maxConnAge'")]
    [InlineData("idleTimeout", "soon", "'idleTimeout'")]
    [InlineData("idleCheckFrequency", "often", "'idleCheckFrequency'")]
    [InlineData("failover", "true", "'sentinelMasterName'")]
    [InlineData("useEntraID", "true", "signs in with a user and a password")]
    [InlineData("useAzureAD", "true", "signs in with a user and a password")]
    [InlineData("useOIDC", "true", "signs in with a user and a password")]
    [InlineData("clientCert", "x", "go together")]
    [InlineData("clientKey", "x", "go together")]
    public void A_field_that_cannot_be_used_is_refused_with_what_is_allowed(string field, string value, string says)
    {
        var error = Assert.Throws<ResourceException>(() => Options(("redisHost", "host:6379"), ("redisPassword", "s3cr3t"), (field, value)));

        Assert.Contains(says, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("cr3t", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_cluster_with_sentinels_is_refused() => Assert.Contains("'redisType' and 'failover'",
        Assert.Throws<ResourceException>(() => Options(("redisHost", "host"), ("redisType", "cluster"), ("failover", "true"), ("sentinelMasterName", "m"))).Message, StringComparison.Ordinal);

    [Fact]
    public void Without_redisHost_it_is_named() => Assert.Contains("'redisHost' of state.redis is required", Assert.Throws<ResourceException>(() => Options()).Message, StringComparison.Ordinal);

    [Fact]
    public void The_defaults_are_Daprs()
    {
        var options = Options(("redisHost", "host"), ("redisPassword", ""));

        Assert.Equal((3, TimeSpan.FromMilliseconds(8), TimeSpan.FromMilliseconds(512)), (options.MaxRetries, options.RetryPause, options.MostRetryPause));
        Assert.Equal((TimeSpan.FromSeconds(5), TimeSpan.FromSeconds(3)), (options.DialTimeout, options.Timeout));
        Assert.Equal((0, false, null, null), (options.Database, options.UsesTls, options.User, options.Password));
    }

    [Fact]
    public void Lengths_of_time_are_Gos_or_milliseconds_and_minus_one_is_none()
    {
        var options = Options(("redisHost", "host"), ("dialTimeout", "700"), ("readTimeout", "2s"), ("writeTimeout", "4s"), ("redisMinRetryInterval", "-1"), ("redisMaxRetryInterval", "3000"), ("redisMaxRetries", "-1"));

        Assert.Equal((TimeSpan.FromMilliseconds(700), TimeSpan.FromSeconds(4), TimeSpan.Zero, TimeSpan.FromSeconds(3), 0),
            (options.DialTimeout, options.Timeout, options.RetryPause, options.MostRetryPause, options.MaxRetries));
        Assert.Null(Options(("redisHost", "host"), ("readTimeout", "-1")).Timeout);
    }

    [Fact]
    public void The_older_names_of_the_retries_count_where_the_newer_ones_are_missing()
    {
        var older = Options(("redisHost", "host"), ("maxRetries", "7"), ("maxRetryBackoff", "3000000000"));
        var newer = Options(("redisHost", "host"), ("maxRetries", "7"), ("maxRetryBackoff", "3000000000"), ("redisMaxRetries", "5"), ("redisMaxRetryInterval", "1s"));

        Assert.Equal((7, TimeSpan.FromSeconds(3)), (older.MaxRetries, older.MostRetryPause));
        Assert.Equal((5, TimeSpan.FromSeconds(1)), (newer.MaxRetries, newer.MostRetryPause));
    }

    [Fact]
    public void The_client_is_told_all_of_it()
    {
        var client = Options(("redisHost", "host:1"), ("redisUsername", "lavka"), ("redisPassword", "secret"), ("redisDB", "3"), ("enableTLS", "true"), ("failover", "true"), ("sentinelMasterName", "main"),
            ("sentinelUsername", "watch"), ("sentinelPassword", "man")).Client();

        Assert.Equal(("lavka", "secret", 3, true, "main", "watch", "man"),
            (client.User, client.Password, client.DefaultDatabase, client.Ssl, client.ServiceName, client.SentinelUser, client.SentinelPassword));
        Assert.Equal([new DnsEndPoint("host", 1)], client.EndPoints);
        Assert.Equal(RedisProtocol.Resp2, client.Protocol);
    }

    [Fact]
    public void A_cluster_has_no_databases() => Assert.Equal(0, Options(("redisHost", "a,b"), ("redisType", "cluster"), ("redisDB", "3")).Database);

    private static RedisOptions Options(params (string Name, string Value)[] fields) => RedisOptions.From(RedisComponents.Metadata("state.redis", fields));
}
