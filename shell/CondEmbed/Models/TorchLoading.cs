using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using CondEmbed.Torch;

namespace CondEmbed.Models;

/// <summary>Makes torch loadable for whatever of this assembly is called first.</summary>
internal static class TorchLoading
{
    [ModuleInitializer]
    [SuppressMessage("Usage", "CA2255", Justification = "Nothing else runs before a caller's own first call.")]
    internal static void AnswerTheRuntime() => Native.answerRuntime();
}
