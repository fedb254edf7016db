using System.Net;
using System.Net.Mail;
using System.Text;
using Lavka.Sidecar.Go;
using Lavka.Sidecar.Resources;

namespace Lavka.Sidecar.Bindings;

/// <summary><c>bindings.smtp</c> (Dapr: reference/components-reference/supported-bindings/smtp): the operation <c>create</c> sends an e-mail in HTML.</summary>
internal sealed class SmtpBinding : IOutputBinding
{
    private readonly string _host;
    private readonly int _port;
    private readonly NetworkCredential? _login;
    private readonly Dictionary<string, string> _defaults = [];

    public SmtpBinding(ComponentMetadata metadata)
    {
        _host = metadata.Required("host");
        metadata.Required("port");
        _port = metadata.Number("port", 0, 1, 65535);
        var (user, password) = (metadata.Find("user"), metadata.Find("password"));
        if (user is null != password is null)
        {
            throw metadata.Invalid(user is null ? "user" : "password", "both user and password, or neither");
        }

        _login = user is null ? null : new(user, password);
        if (metadata.Flag("skipTLSVerify"))
        {
            throw metadata.Invalid("skipTLSVerify", "false: certificates are always checked here");
        }

        _ = metadata.Number("priority", 3, 1, 5);
        foreach (var name in new[] { "emailFrom", "emailTo", "emailCC", "emailBCC", "subject", "priority" })
        {
            _defaults[name] = metadata.Get(name, "");
        }
    }

    public IReadOnlyList<string> Operations { get; } = ["create"];

    public IReadOnlyList<string> Capabilities { get; } = ["OUTPUT_BINDING"];

    public async Task<BindingAnswer> Invoke(string operation, byte[] data, IReadOnlyDictionary<string, string> metadata, CancellationToken stop)
    {
        using var mail = new MailMessage
        {
            Body = Encoding.UTF8.GetString(BindingData.Unquote(data)),
            BodyEncoding = Encoding.UTF8,
            BodyTransferEncoding = System.Net.Mime.TransferEncoding.QuotedPrintable,
            SubjectEncoding = Encoding.UTF8,
            IsBodyHtml = true,
        };
        mail.Headers.Add("X-priority", Priority(Field("priority")));
        try
        {
            mail.From = new(Required("emailFrom"));
            Add(mail.To, Required("emailTo"));
            mail.Subject = Required("subject");
            Add(mail.CC, Field("emailCC"));
            Add(mail.Bcc, Field("emailBCC"));
        }
        catch (FormatException e)
        {
            throw new BindingException($"smtp binding error: {e.Message}");
        }

        try
        {
            using var smtp = new SmtpClient(_host, _port) { EnableSsl = _login is not null && !IPAddress.TryParse(_host, out _), Credentials = _login };
            await smtp.SendMailAsync(mail, stop);
        }
        catch (SmtpException e)
        {
            throw new BindingException($"error from smtp binding, sending email failed: {GoNetError.Of(e.InnerException ?? e, $"{_host}:{_port}")}");
        }

        return BindingAnswer.Nothing;

        string Field(string name) => metadata.GetValueOrDefault(name) is { Length: > 0 } own ? own : _defaults[name];

        string Required(string name) => Field(name) is { Length: > 0 } value ? value
            : throw new BindingException($"smtp binding error: {name} property not supplied in configuration- or request-metadata");
    }

    public ValueTask DisposeAsync() => default;

    private static string Priority(string text)
    {
        try
        {
            return text.Length == 0 ? "3" : GoNumber.ParseInt(text, "Atoi") is >= 1 and <= 5 and var priority ? $"{priority}"
                : throw new BindingException("smtp binding error:  priority value must be between 1 (highest) and 5 (lowest)");
        }
        catch (FormatException e)
        {
            throw new BindingException(e.Message);
        }
    }

    private static void Add(MailAddressCollection to, string addresses)
    {
        foreach (var address in addresses.Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            to.Add(address);
        }
    }
}
