using Lavka.Sidecar.PostgreSql;
using Lavka.Sidecar.Resources;
using Npgsql;

namespace Lavka.Sidecar.Tests;

public sealed class PostgreSqlOptionsTests
{
    [Theory]
    [InlineData("host=db user=lavka password=secret port=5433 connect_timeout=10 database=shop", "db:5433 lavka secret shop")]
    [InlineData("host=db user=lavka password=secret port=5433 dbname=shop pool_max_conns=10", "db:5433 lavka secret shop")]
    [InlineData(" host = db\tuser = lavka\n password = 'a b' dbname=shop ", "db:5432 lavka a b shop")]
    [InlineData(@"host=db user=lavka password='it\'s \\ here' dbname=shop", @"db:5432 lavka it's \ here shop")]
    [InlineData(@"host=db user=lavka password=a\ b\'c dbname=shop", "db:5432 lavka a b'c shop")]
    [InlineData("host=db user=lavka password=a=b;c port='' dbname=shop", "db:5432 lavka a=b;c shop")]
    [InlineData("host=first host=db user=lavka password=x dbname=shop", "db:5432 lavka x shop")]
    [InlineData("user=lavka password=x dbname=shop", "localhost:5432 lavka x shop")]
    [InlineData("host=db hostaddr=10.0.0.7 user=lavka password=x dbname=shop", "10.0.0.7:5432 lavka x shop")]
    [InlineData("postgres://lavka:secret@db:5433/shop?sslmode=disable", "db:5433 lavka secret shop")]
    [InlineData("postgresql://lavka:p%40ss%2Fw%3Ard@db/shop", "db:5432 lavka p@ss/w:rd shop")]
    [InlineData("postgres://lavka:p@ss@db/shop?connect_timeout=5&application_name=my%20shop", "db:5432 lavka p@ss shop")]
    [InlineData("postgres://lavka:x@[::1]:5433/shop", "::1:5433 lavka x shop")]
    [InlineData("postgres:///shop?host=/run/postgresql&user=lavka&password=x", "/run/postgresql:5432 lavka x shop")]
    public void A_connection_string_is_read_as_libpq_reads_it(string text, string expected)
    {
        var connection = Options(("connectionString", text)).Connection;

        Assert.Equal(expected, $"{connection.Host}:{connection.Port} {connection.Username} {connection.Password} {connection.Database}");
    }

    [Theory]
    [InlineData("host=db password=s3cr3t user=lavka colour=red", "'colour'")]
    [InlineData("host=db password=s3cr3t colour=red", "'password'")]
    [InlineData("postgres://lavka:s3cr3t@db/shop?colour=red", "'colour'")]
    [InlineData("host=db password=s3 cr3t", "'password'")]
    [InlineData("host=db password='s3cr3t", "'password'")]
    [InlineData("s3cr3t", "keyword=value")]
    [InlineData("host=db password=s3cr3t port=0", "'port'")]
    [InlineData("host=db password=s3cr3t port=many", "'port'")]
    [InlineData("postgres://lavka:s3cr3t@db:many/shop", "'port'")]
    [InlineData("postgres://lavka:s3cr3t/@db/shop", "'@'")]
    [InlineData("postgres://lavka:12/s3cr3t@db/shop", "'@'")]
    [InlineData("postgres://lavka:12?s3cr3t@db/shop", "'@'")]
    [InlineData("postgres://lavka:12?s3cr3t=x@db/shop", "'@'")]
    [InlineData("host=db password=s3 cr3t=x", "'password'")]
    [InlineData("host=db sslpassword=s3 cr3t=x", "'sslpassword'")]
    [InlineData("password=first user=lavka password=s3 cr3t", "'password'")]
    [InlineData("host=db password=s3cr3t sslmode=perhaps", "verify-full")]
    [InlineData("host=db password=s3cr3t sslrootcert=not-there.pem", "not-there.pem")]
    [InlineData("host=db,other password=s3cr3t", "'host'")]
    [InlineData("host=db password=s3cr3t pool_max_conns=0", "'pool_max_conns'")]
    [InlineData("host=db password=s3cr3t pool_max_conn_lifetime=long", "'pool_max_conn_lifetime'")]
    [InlineData("host=db password=s3cr3t client_encoding=latin1", "UTF8")]
    public void A_connection_string_that_cannot_be_used_is_refused_with_the_keyword_and_without_the_password(string text, string named)
    {
        var error = Assert.Throws<ResourceException>(() => Options(("connectionString", text)));

        Assert.Contains(named, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("cr3t", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("disable", SslMode.Disable)]
    [InlineData("allow", SslMode.Allow)]
    [InlineData("prefer", SslMode.Prefer)]
    [InlineData("require", SslMode.Require)]
    [InlineData("verify-ca", SslMode.VerifyCA)]
    [InlineData("verify-full", SslMode.VerifyFull)]
    public void The_sslmode_is_libpqs(string text, SslMode mode) => Assert.Equal(mode, Options(("connectionString", $"host=db sslmode={text}")).Connection.SslMode);

    [Fact]
    public void Whoever_names_root_certificates_has_the_servers_certificate_checked()
    {
        var options = Options(("connectionString", "host=db sslmode=require"), ("sslRootCert", typeof(PostgreSqlOptionsTests).Assembly.Location));

        Assert.Equal(SslMode.VerifyCA, options.Connection.SslMode);
    }

    [Fact]
    public void The_components_own_fields_go_before_the_connection_string()
    {
        var options = Options(("connectionString", "host=a port=1 database=a user=a password=a"),
            ("host", "db"), ("port", "5433"), ("database", "shop"), ("user", "lavka"), ("password", "secret"), ("maxConns", "7"), ("connectionMaxIdleTime", "5s"), ("timeout", "3s"));

        var connection = options.Connection;
        Assert.Equal("db:5433 lavka secret shop", $"{connection.Host}:{connection.Port} {connection.Username} {connection.Password} {connection.Database}");
        Assert.Equal((7, 5, TimeSpan.FromSeconds(3)), (connection.MaxPoolSize, connection.ConnectionIdleLifetime, options.Timeout));
    }

    [Fact]
    public void Of_a_host_with_its_address_the_address_is_connected_to_and_the_host_has_the_certificate()
    {
        var options = Options(("host", "db"), ("hostaddr", "10.0.0.7"));

        Assert.Equal(("10.0.0.7", "db"), (options.Connection.Host, options.TlsHost));
    }

    [Theory]
    [InlineData("cache_statement", true)]
    [InlineData("exec", false)]
    [InlineData("simple_protocol", false)]
    public void Statements_are_prepared_unless_the_mode_is_one_for_poolers(string mode, bool prepares) =>
        Assert.Equal(prepares, Options(("host", "db"), ("queryExecMode", mode)).Connection.MaxAutoPrepare > 0);

    [Theory]
    [InlineData("timeout", "0")]
    [InlineData("timeout", "soon")]
    [InlineData("queryExecMode", "fast")]
    [InlineData("maxConns", "many")]
    [InlineData("useAzureAD", "true")]
    [InlineData("useAWSIAM", "true")]
    public void A_field_that_cannot_be_used_is_refused_by_its_name(string field, string value)
    {
        var error = Assert.Throws<ResourceException>(() => Options(("host", "db"), (field, value)));

        Assert.Contains(field, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Without_a_server_to_connect_to_the_connection_string_is_missing() =>
        Assert.Contains("'connectionString' of state.postgresql is required", Assert.Throws<ResourceException>(() => Options()).Message, StringComparison.Ordinal);

    private static PostgreSqlOptions Options(params (string Name, string Value)[] fields) => PostgreSqlOptions.From(PostgreSqlFixture.Metadata(fields));
}
