using System.Diagnostics.CodeAnalysis;
using System.Text.Json;

namespace CondEmbed.Common;

/// <summary>Reads the JSON files that this program writes.</summary>
[RequiresUnreferencedCode(JsonStyle.Reflects)]
[RequiresDynamicCode(JsonStyle.Reflects)]
internal static class JsonFile
{
    /// <summary>What a file holds that can be made again; null if there is none, or none that can be read.</summary>
    internal static T? TryRead<T>(string path)
        where T : class
    {
        try
        {
            return File.Exists(path) ? Read<T>(path, "") : null;
        }
        catch (InputException)
        {
            return null;
        }
    }

    /// <summary>What a file holds.</summary>
    /// <param name="path">The file.</param>
    /// <param name="what">What it should be, as in "a metrics file".</param>
    /// <param name="fix">What to do if it is not, as a sentence; nothing for a file that can be made again without a word.</param>
    /// <exception cref="InputException">It is missing or cannot be read, is not JSON, lacks something, or holds null where something should be.</exception>
    internal static T Read<T>(string path, string what, string fix = "")
    {
        var bytes = FileProblem.Bytes(path);
        try
        {
            return JsonSerializer.Deserialize<T>(bytes, JsonStyle.Indented) ?? throw new JsonException("it is null");
        }
        catch (Exception problem) when (TextFile.IsBadJson(problem) || problem is NotSupportedException)
        {
            throw new InputException($"{path}: not {what} ({problem.Message.TrimEnd('.')}). {fix}".TrimEnd());
        }
    }
}
