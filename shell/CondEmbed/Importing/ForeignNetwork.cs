using CondEmbed.Options;
using CondEmbed.Storage;
using CondEmbed.WeightFiles;

namespace CondEmbed.Importing;

/// <summary>A network as read from another program's files: its settings, and its parameters under the names that they have here.</summary>
/// <param name="Settings">The settings of a run with it.</param>
/// <param name="Parameters">Its parameters.</param>
/// <param name="Files">The files with their SHA-256 sums.</param>
/// <param name="Notes">What was found and chosen.</param>
internal sealed record ForeignNetwork(RunSettings Settings, IReadOnlyList<TensorData> Parameters, IReadOnlyList<string> Files, IReadOnlyList<string> Notes)
{
    /// <summary>What the checkpoint decides.</summary>
    private static readonly string[] Found = ["encoder", "pooling", "embedding", "head_norm", "levels", "data"];

    /// <summary>Reads the files, and finds the network in them.</summary>
    /// <exception cref="InputException">A file cannot be read, or is not such a network; or a setting is wrong.</exception>
    internal static ForeignNetwork Of(ImportOptions options)
    {
        Demand(options);
        var trunk = Read(options.Checkpoint, options.Part);
        var head = HeadOf(options) is { } path ? Read(path, "") : null;
        TensorData[] tensors = [.. TensorFiles.OfArrays(trunk.Arrays), .. head is null ? [] : TensorFiles.OfArrays(head.Arrays).Select(tensor => Below(head.Path, tensor))];
        var fit = Declared(options, trunk, tensors);
        var settings = Resolve(options, fit);
        DemandOne(options, fit, settings);
        WeightFile[] files = head is null ? [trunk] : [trunk, head];
        return new ForeignNetwork(settings, fit.Parameters(settings.Core, tensors), [.. files.Select(file => $"{Path.GetFileName(file.Path)} {FileSums.SumOf(file.Path)}")], Told(fit, files, tensors));
    }

    private static void Demand(ImportOptions options)
    {
        if (options.Embedding < 0)
        {
            throw new InputException(FormattableString.Invariant($"{Wording.Of("Embedding", "--embedding")} {options.Embedding}: must be at least 0."));
        }

        if (options.Power is <= 0 or double.NaN)
        {
            throw new InputException(FormattableString.Invariant($"{Wording.Of("Power", "--power")} {options.Power}: must be above 0."));
        }

        if (options.Settings.Keys.FirstOrDefault(key => Found.Contains(key.Replace('-', '_'))) is { } key)
        {
            throw new InputException($"{key}: is not a setting to give here: the checkpoint decides it, and {Wording.Of("the other options", "the options of this command")} say what it leaves open.");
        }
    }

    private static WeightFile Read(string path, string part)
    {
        var file = File.Exists(path) || Directory.Exists(path) ? WeightFile.Read(path, part) : throw new InputException($"{path}: cannot be read: no such file. Give a checkpoint of PyTorch or a safetensors file.");
        return file.Arrays.FirstOrDefault(array => !array.IsFinite()) is { } spoilt
            ? throw new InputException($"{path}: the tensor '{spoilt.Name}' contains NaN or infinity. Use a checkpoint saved before its training went wrong.")
            : file;
    }

    /// <summary>The file of the head: the one named, or the one that pytorch-metric-learning saved beside the trunk.</summary>
    private static string? HeadOf(ImportOptions options)
    {
        if (options.Head is not null || options.Embedding == 0)
        {
            return options.Head;
        }

        var name = Path.GetFileName(options.Checkpoint);
        var beside = name.StartsWith("trunk", StringComparison.Ordinal) ? Path.Combine(Path.GetDirectoryName(options.Checkpoint) ?? "", $"embedder{name[5..]}") : "";
        return File.Exists(beside) ? beside : null;
    }

    /// <summary>A tensor under a name that says which file it is from, so that it is not taken for the other's.</summary>
    private static TensorData Below(string path, TensorData tensor) => new($"{Path.GetFileName(path)}: {tensor.Name}", tensor.ElementType, tensor.Shape, tensor.Bytes);

    /// <summary>The fit; of encoders that fit equally well, one that the file does not rule out.</summary>
    private static CheckpointFit Declared(ImportOptions options, WeightFile trunk, TensorData[] tensors)
    {
        if (trunk.Text(ModelFile.Settings) is not null)
        {
            throw new InputException($"{trunk.Path}: is a network of CondEmbed's own, whose settings are in the file, so there is nothing to import. Whatever takes a run takes it as it is.");
        }

        var fit = Fit(options, tensors);
        var fitting = options.Encoder is null ? fit.OtherEncoders.Prepend(fit.Encoder).FirstOrDefault(name => !WeightFits.HasOtherStride(trunk, name)) : null;
        WeightFits.DemandStride(trunk, fitting ?? fit.Encoder);
        return fitting is null || fitting == fit.Encoder ? fit : Fit(options with { Encoder = fitting }, tensors);
    }

    private static CheckpointFit Fit(ImportOptions options, TensorData[] tensors)
    {
        try
        {
            var question = new CheckpointQuestion(options.Encoder, options.Pooling, options.Power, options.Embedding, options.LeaveOut);
            return CheckpointFit.Of(question, tensors.Select(tensor => KeyValuePair.Create(tensor.Name, tensor.Shape)));
        }
        catch (InputException problem)
        {
            throw new InputException($"{options.Checkpoint}: {problem.Message}");
        }
    }

    private static RunSettings Resolve(ImportOptions options, CheckpointFit fit)
    {
        (string Key, string Value)[] found =
        [
            ("encoder", fit.Encoder),
            ("pooling", fit.Pooling),
            ("embedding", fit.Embedding.ToString(CultureInfo.InvariantCulture)),
            ("head_norm", fit.HeadNorm ? "true" : "false"),
            ("levels", "0"),
            ("data", options.Data ?? ""),
        ];
        return RunSettings.Resolve([.. found.Select(pair => new Given(pair.Key, pair.Key, pair.Value)), .. options.Settings.Select(pair => new Given(Wording.Of(pair.Key, $"--set {pair.Key}"), pair.Key, pair.Value))]);
    }

    /// <summary>Encoders that differ in the colours that they expect cannot be told apart by their tensors.</summary>
    private static void DemandOne(ImportOptions options, CheckpointFit fit, RunSettings settings)
    {
        var others = fit.OtherEncoders.Where(other => !CoreSettings.MeanOf(RunSettings.StartFor(other).Core).SequenceEqual(CoreSettings.MeanOf(settings.Core))).ToList();

        if (options.Encoder is null && others.Count > 0)
        {
            var all = others.Prepend(fit.Encoder).Select(name => $"{name} ({EncoderDescription.Of(name).About})");
            throw new InputException($"{options.Checkpoint}: fits several encoders, which expect colours in another form: {string.Join("; ", all)}. Say which it is by {Wording.Of("Encoder", "--encoder")}.");
        }
    }

    private static List<string> Told(CheckpointFit fit, WeightFile[] files, TensorData[] tensors) =>
    [
        .. files.Select(file => $"read {file.Path} ({file.Format})"),
        .. files.SelectMany(file => file.Notes),
        fit.OtherEncoders.Count == 0 ? $"encoder {fit.Encoder}" : $"encoder {fit.Encoder}, {EncoderDescription.Of(fit.Encoder).About}; no tensor tells it from {string.Join(", ", fit.OtherEncoders)}, so name that if it is one: the embeddings differ",
        $"pooling {fit.Pooling}",
        $"head: {(fit.Embedding == 0 ? "none: the pooled features are the embedding" : $"{(fit.HeadNorm ? "BatchNorm, then " : "")}a linear layer to {fit.Embedding} features")}",
        .. fit.Classifier is { } name ? new[] { Classifier(fit, name, tensors.First(tensor => tensor.Name == name).Shape[0]) } : [],
        .. fit.LeftOut.Count == 0 ? [] : new[] { $"left out: {string.Join(", ", fit.LeftOut.Take(4))}{(fit.LeftOut.Count > 4 ? $" and {fit.LeftOut.Count - 4} more" : "")}" },
    ];

    private static string Classifier(CheckpointFit fit, string name, long outputs) => fit.EmbedsScores
        ? FormattableString.Invariant($"{name} is ImageNet's classifier: an embedding is the scores of its {outputs} classes, as asked for")
        : FormattableString.Invariant($"{name} is ImageNet's classifier, which makes scores of {outputs} classes and no embedding: it is left out ({Wording.Of($"Embedding = {outputs}", $"--embedding {outputs}")} would take the scores)");
}
