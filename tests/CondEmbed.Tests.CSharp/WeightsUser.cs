using System.Runtime.InteropServices;
using CondEmbed.WeightFiles;

namespace CondEmbed.Tests.CSharp;

/// <summary>Reads and writes weights as a C# program would.</summary>
public static class WeightsUser
{
    /// <summary>Halves every number of a file of float32 weights, and keeps all else.</summary>
    public static void Halve(string from, string to)
    {
        var file = Safetensors.Read(from);
        var halves = file.Arrays.Select(array => NamedArray.Of(array.Name, [.. array.Shape], [.. Numbers(array).Select(x => x / 2)]));
        Safetensors.Write(to, [.. halves], file.Metadata);
    }

    /// <summary>Makes a safetensors file of weights in any known format; returns the encoders that they fit.</summary>
    public static string[] Import(string from, string to)
    {
        var file = WeightFile.Read(from);
        file.Save(to);
        return [.. WeightFits.Of(file).Where(fit => fit.Report.Fits).Select(fit => fit.Encoder)];
    }

    /// <summary>The numbers of one array of a file.</summary>
    public static float[] Read(string path, string name) => [.. Numbers(Safetensors.Read(path).Arrays.First(array => array.Name == name))];

    private static float[] Numbers(NamedArray array) => MemoryMarshal.Cast<byte, float>(array.Data.Span).ToArray();
}
