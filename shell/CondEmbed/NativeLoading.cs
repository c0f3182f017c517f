using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.Loader;

namespace CondEmbed;

/// <summary>
/// Makes libtorch loadable on systems whose libstdc++ is too old for TorchSharp (see <see cref="Native"/>), also for an application that
/// calls torch itself.
/// </summary>
/// <remarks>
/// From the moment that any type of this assembly is first used, the runtime asks here when it cannot load TorchSharp's native library;
/// until torch is used that costs nothing. .NET runs no code of an assembly that nothing has touched yet, so an application that calls
/// torch before anything of this assembly either calls <see cref="Ensure"/> first or lets the runtime wake this assembly up before
/// Main, as buildTransitive/CondEmbed.targets does. A single-file application that is trimmed or compiled ahead of time has no such
/// hook, and calls <see cref="Ensure"/>.
/// </remarks>
public static class NativeLoading
{
    /// <summary>Loads torch's native libraries now.</summary>
    /// <exception cref="InputException">A library is missing or does not fit; the message says which, and how to mend it.</exception>
    public static void Ensure() => Native.ensure();

    [ModuleInitializer]
    [SuppressMessage("Usage", "CA2255", Justification = "Nothing else runs before a caller's own first call of torch.")]
    internal static void AnswerTheRuntime() =>
        (AssemblyLoadContext.GetLoadContext(typeof(NativeLoading).Assembly) ?? AssemblyLoadContext.Default).ResolvingUnmanagedDll +=
            static (_, name) => Native.resolve(name);
}
