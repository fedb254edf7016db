using System.Net.Security;
using System.Security.Cryptography.X509Certificates;

namespace Lavka.Sidecar.Resources;

/// <summary>The TLS fields that Dapr's brokers share: <c>caCert</c>, <c>clientCert</c> and <c>clientKey</c> in PEM.</summary>
internal sealed record TlsOptions(X509Certificate2Collection? Roots, X509Certificate2? Client)
{
    /// <exception cref="ResourceException">A certificate does not read.</exception>
    public static TlsOptions From(ComponentMetadata metadata)
    {
        var (root, certificate, key) = (metadata.Find("caCert"), metadata.Find("clientCert"), metadata.Find("clientKey"));
        try
        {
            X509Certificate2Collection? roots = null;
            if (root is not null)
            {
                (roots = []).ImportFromPem(root);
            }

            return new(roots, certificate is null ? null : X509Certificate2.CreateFromPem(certificate, key));
        }
        catch (System.Security.Cryptography.CryptographicException e)
        {
            throw metadata.Invalid(certificate is null ? "caCert" : "clientCert", $"a certificate in PEM ({e.Message})");
        }
    }

    /// <summary>Checks a server's certificate against the given roots, if there are any.</summary>
    public bool IsTrusted(X509Certificate? certificate, SslPolicyErrors errors)
    {
        if (errors == SslPolicyErrors.None)
        {
            return true;
        }

        if (Roots is null || certificate is null || errors != SslPolicyErrors.RemoteCertificateChainErrors)
        {
            return false;
        }

        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.CustomTrustStore.AddRange(Roots);
        using var server = X509CertificateLoader.LoadCertificate(certificate.GetRawCertData());
        return chain.Build(server);
    }
}
