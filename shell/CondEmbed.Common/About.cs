using System.Reflection;

namespace CondEmbed.Common;

/// <summary>Facts about this program.</summary>
public static class About
{
    /// <summary>The version, as in the package.</summary>
    public static string Version { get; } =
        typeof(About).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0] ?? "0.0.0";
}
