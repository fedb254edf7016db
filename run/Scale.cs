using System.Globalization;

namespace Lavka.Run;

/// <summary>Several instances of an app: <c>--scale orders=2</c>, as <c>docker compose</c> writes it.</summary>
public static class Scale
{
    /// <summary>The apps with their further instances, which listen on ports that nobody uses.</summary>
    /// <exception cref="RunException">There is no such app, or no such number.</exception>
    public static List<AppSpec> Out(IReadOnlyList<AppSpec> apps, IReadOnlyList<string> scales)
    {
        var instances = apps.ToList();
        foreach (var scale in scales)
        {
            if (scale.Split('=') is not [var appId, var number] || !int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out var count) || count < 1)
            {
                throw new RunException($"--scale is '{scale}'; write it like orders=2.");
            }

            if (instances.FindAll(app => app.AppId == appId) is not [var one])
            {
                throw new RunException(apps.Any(app => app.AppId == appId) ? $"--scale names '{appId}' twice." : $"--scale names '{appId}', but there is no such app; there are {string.Join(", ", apps.Select(app => app.AppId))}.");
            }

            if (count > 1)
            {
                instances[instances.IndexOf(one)] = one with { IsScaled = true };
                instances.AddRange(Enumerable.Range(2, count - 1).Select(instance => one with
                {
                    Instance = instance,
                    IsScaled = true,
                    AppPort = one.AppPort is null ? null : FreePorts.Next(),
                    HttpPort = FreePorts.Next(),
                    GrpcPort = FreePorts.Next(),
                }));
            }
        }

        return instances;
    }
}
