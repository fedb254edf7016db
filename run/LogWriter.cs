using System.Globalization;
using Spectre.Console;

namespace Lavka.Run;

/// <summary>Writes the apps' lines: to the console with the app's name and colour, or, while something else has the console, to a file an app.</summary>
internal sealed class LogWriter : IDisposable
{
    private static readonly Color[] Colors = [Color.Aqua, Color.Lime, Color.Yellow, Color.Fuchsia, Color.SkyBlue1, Color.Orange1, Color.SpringGreen1, Color.Violet];

    private readonly Lock _lock = new();
    private readonly string? _folder;
    private readonly Dictionary<string, StreamWriter> _files = [];
    private readonly Dictionary<string, Color> _colors;
    private readonly int _width;

    /// <param name="apps">The apps' ids.</param>
    /// <param name="folder">Where the files go; null: to the console.</param>
    public LogWriter(IReadOnlyList<string> apps, string? folder)
    {
        _folder = folder;
        _colors = apps.Select((app, i) => (app, Colors[i % Colors.Length])).ToDictionary();
        _width = apps.Max(app => app.Length);
        if (folder is not null)
        {
            Directory.CreateDirectory(folder);
        }
    }

    public void Write(string app, string line)
    {
        lock (_lock)
        {
            if (_folder is null)
            {
                AnsiConsole.Write(new Text(app.PadRight(_width) + " | ", new Style(_colors.GetValueOrDefault(app, Color.Default))));
                Console.Out.WriteLine(line);
                return;
            }

            if (!_files.TryGetValue(app, out var file))
            {
                _files[app] = file = new StreamWriter(Path.Combine(_folder, app + ".log"), append: true) { AutoFlush = true };
            }

            file.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{DateTimeOffset.UtcNow:HH:mm:ss.fff} {line}"));
        }
    }

    public void Dispose()
    {
        lock (_lock)
        {
            foreach (var file in _files.Values)
            {
                file.Dispose();
            }

            _files.Clear();
        }
    }
}
