using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

/// <summary>What the runtime calls before Main in applications that use buildTransitive/CondEmbed.targets.</summary>
[SuppressMessage("Design", "CA1050", Justification = "The runtime looks for a type of this name outside any namespace.")]
[SuppressMessage("Roslynator", "RCS1110", Justification = "The runtime looks for a type of this name outside any namespace.")]
internal static class StartupHook
{
    /// <summary>Sees to it that this library answers the runtime from now on; see <see cref="CondEmbed.NativeLoading"/>.</summary>
    public static void Initialize() => RuntimeHelpers.RunModuleConstructor(typeof(StartupHook).Module.ModuleHandle);
}
