namespace CondEmbed.Datasets;

/// <summary>Files that are compiled into this library, and what else comes with it.</summary>
internal static class EmbeddedFile
{
    /// <summary>Tells the code of this library, and of the one that draws and decodes images, from that of any other build.</summary>
    internal static string Program { get; } = $"{IdOf(typeof(EmbeddedFile))} {IdOf(typeof(RgbImage))}";

    internal static Stream Open(string name) =>
        typeof(EmbeddedFile).Assembly.GetManifestResourceStream(name)
        ?? throw new InvalidOperationException($"the library was built without its file {name}");

    private static Guid IdOf(Type type) => type.Module.ModuleVersionId;
}
