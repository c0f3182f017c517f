namespace CondEmbed.Datasets;

/// <summary>Files that are compiled into this library.</summary>
internal static class EmbeddedFile
{
    internal static Stream Open(string name) =>
        typeof(EmbeddedFile).Assembly.GetManifestResourceStream(name)
        ?? throw new InvalidOperationException($"the library was built without its file {name}");
}
