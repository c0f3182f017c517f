using CondEmbed.Evaluation;
using CondEmbed.Options;
using CondEmbed.Reports;
using CondEmbed.Storage;

namespace CondEmbed.Comparisons;

/// <summary>
/// The model card of a finished run, in Markdown with the metadata that model hubs read: what it embeds, how well, what it learnt from, and how to use it (Mitchell et al., "Model
/// Cards for Model Reporting", 2019).
/// </summary>
public static class ModelCard
{
    /// <summary>Settings that have a row of their own besides those that differ from the defaults.</summary>
    private static readonly string[] Always = ["encoder", "weights", "embedding", "size", "levels", "level_form", "loss", "batch", "per_class", "lr", "seed"];

    /// <summary>Settings that say where the run was computed, or are said elsewhere on the card.</summary>
    private static readonly string[] Never = ["data", "steps", "epochs", "threads", "workers", "device", "trunk_cache", "cache", "initial_metrics", "frozen_weights", "report", "tensorboard"];

    /// <summary>The card of a run.</summary>
    /// <param name="run">The folder of a finished run.</param>
    /// <param name="licence">The licence of the network, such as <c>cc-by-4.0</c>; that of its images may bind it. Null to say that none is stated.</param>
    /// <exception cref="InputException">It is not a run folder, is not finished, or contains a file that cannot be read.</exception>
    public static string Of(string run, string? licence = null)
    {
        var read = RunComparison.Read([run]).Runs[0];

        var log = new RunFolder(read.Folder).Log;
        var started = File.Exists(log) ? LogReader.Read(log).Entries.OfType<StartEntry>().FirstOrDefault() : null;

        if (!read.IsFinished && started?.Imported is null)
        {
            throw new InputException($"{run}: the run is not finished, so there are no results to tell of. Finish it with {Wording.Of("Trainer.Resume", $"--resume {run}")}.");
        }

        var start = started
            ?? throw new InputException($"{log}: does not say how the run was started, so a part of it is missing. Restore it from a backup.");
        return $"{Head(read, start, licence)}\n{Results(read, start)}\n{Published(read)}{Data(read, start, licence)}\n{Training(read, start)}\n{Use(read)}";
    }

    private static string Head(ComparedRun run, StartEntry start, string? licence) => $"""
        ---
        library_name: condembed
        pipeline_tag: image-feature-extraction
        {(licence is null ? "" : $"license: {licence}\n")}tags: [deep-metric-learning, image-retrieval]
        ---
        # {new RunFolder(run.Folder).Name}

        A network that embeds images: `{Setting(run, "encoder")}` at {Setting(run, "size")} px, {Features(run)}. {(start.Imported is null
            ? $"It was trained to put images of the same class close together, measured by the cosine, also those of classes that it has never seen. {Levels(run)}"
            : "Images of the same class are meant to lie close together, measured by the cosine. Another program trained it; CondEmbed measures and runs it.")}

        """;

    private static string Features(ComparedRun run) =>
        Setting(run, "embedding") == "0" ? "the pooled features themselves" : $"{Setting(run, "embedding")} features an image";

    private static string Levels(ComparedRun run) => Setting(run, "levels") == "0"
        ? "It was trained without conditional levels."
        : "While it was trained, the embedding of an image was also conditioned on the image it was compared with; what is measured and used is the plain embedding.";

    private static string Results(ComparedRun run, StartEntry start)
    {
        if (run.Last.Count == 0)
        {
            return "## Results\n\nNot measured: it was imported without data.\n";
        }

        var hasBefore = run.Before.Count > 0;
        var hasBest = run.Best.Count > 0 && run.BestStep != run.Step;
        var hasClasses = run.Classes.Count > 1;
        string[] head =
        [
            "metric (%)", .. Where(hasBefore, "before training"), .. Where(hasBest, $"step {run.BestStep}"), start.Imported is null ? $"step {run.Step}" : "value", .. Where(hasClasses, "95 % interval"),
        ];
        var rows = run.Last.Select(pair => (string[])
        [
            MetricNames.Display(pair.Key),
            .. Where(hasBefore, run.Before.Percent(pair.Key)),
            .. Where(hasBest, run.Best.Percent(pair.Key)),
            Readable.Percent(pair.Value),
            .. Where(hasClasses, ClassBootstrap.Interval(run.Classes.Values, pair.Key) is var (low, high) ? $"{Readable.Percent(low)} to {Readable.Percent(high)}" : ""),
        ]);
        var best = hasBest ? $" Step {run.BestStep} did best on the validation classes (`best.safetensors`)." : "";
        var subset = run.Subset is null ? "" : $"\n**Measured on a subset**, so not comparable with published numbers: {run.Subset}.\n";
        return $"""
            ## Results

            {Measured(run, start)}{best}
            {subset}
            {MarkdownTable.Of(head, rows)}
            {(hasClasses ? $"The interval{(start.Imported is null ? ", of the last step," : "")} says what other test classes might have shown, by drawing these again with replacement.{(start.Imported is null ? " It says nothing of other seeds." : "")}\n" : "")}
            """;
    }

    /// <summary>Beside what others published, where it was measured as they did; otherwise why it is not.</summary>
    private static string Published(ComparedRun run) => string.Concat(PublishedComparison.Of([run]).Select(published => published.Results.Count == 0 ? $"{published.Words}\n\n" : $"""
        ### Beside published results

        On {published.Dataset}. Rows marked "published" are as their sources give them; none was measured here.

        {MarkdownTable.Of([.. PublishedComparison.Heads, "source"], published.Rows.Select(row => (string[])[.. row.Cells, row.Source is { } source ? $"[{source.Source}]({source.Address}), {source.Place}" : ""]))}
        {published.Words}


        """));

    private static string Measured(ComparedRun run, StartEntry start) =>
        start.Imported is not null ? "Measured on the test part of the data. Whether the network was trained on any of it, its files do not say."
        : Setting(run, "shared_classes") == "true" ? "Held-out images of the classes trained on, unconditional embeddings; one seed."
        : "Held-out classes, none of which it was trained on, unconditional embeddings; one seed.";

    private static string[] Where(bool isThere, string cell) => isThere ? [cell] : [];

    private static string Data(ComparedRun run, StartEntry start, string? licence)
    {
        var parts = start.Data is { } data
            ? $"{MarkdownTable.Of(["part", "classes", "images"], data.Parts.Select(part => (string[])[part.Name, Readable.Count(part.Classes), Readable.Count(part.Images)]))}\n{data.Note}\n\n"
            : "";
        return $"""
            ## Data

            {(run.Dataset.Length == 0 ? "What it was trained on is not known here." : $"{run.Dataset}; the SHA-256 of its images, classes and parts is `{run.Data}`.")}

            {parts}{(licence is null ? "No licence is stated. The images' own may bind what was learnt from them." : $"Licence of the network: {licence}. The images' own may bind what was learnt from them.")}

            """;
    }

    private static string Setting(ComparedRun run, string key) => run.Settings.GetValueOrDefault(key)
        ?? throw new InputException($"{new RunFolder(run.Folder).Settings}: does not say what '{key}' was. Restore it from a backup.");

    private static string Training(ComparedRun run, StartEntry start)
    {
        if (start.Imported is { } files)
        {
            return $"""
                ## Training

                By another program. Imported with CondEmbed {run.Version} from these files, with their SHA-256 sums:

                {string.Join('\n', files.Select(file => $"- `{file}`"))}

                """;
        }

        var usual = RunSettings.StartFor(Setting(run, "encoder")).Pairs().ToDictionary();
        var shown = run.Settings.Where(pair => !Never.Contains(pair.Key) && (Always.Contains(pair.Key) || usual.GetValueOrDefault(pair.Key) != pair.Value));
        var cost = run.Cost is { } paid
            ? $" A step took {Readable.Number(paid.SecondsPerStep)} s. Parameters: {Runs.RunMeasures.Parameters(paid.TestParameters, paid.TrainingParameters, paid.TrainedParameters)}."
            : "";
        return $"""
            ## Training

            {Readable.Count(run.Step)} steps with CondEmbed {run.Version}.{cost} The settings that matter most, and those that are not the defaults of the encoder; `config.toml` has all of them:

            {MarkdownTable.Of(["setting", "value"], shown.Select(pair => (string[])[$"`{pair.Key}`", pair.Value.Length == 0 ? "" : $"`{Named(pair)}`"]))}
            Repeat it: `condembed train --config config.toml --out again`

            """;
    }

    /// <summary>Of a file of weights, its name: the rest of its path is of one machine.</summary>
    private static string Named(KeyValuePair<string, string> setting) => setting.Key == "weights" ? Path.GetFileName(setting.Value) : setting.Value;

    private static string Use(ComparedRun run)
    {
        var name = Path.GetFileName(run.Folder);
        return $"""
            ## Use

            `{name}` stands for the folder of this card.

            On the command line:

                condembed embed {name} photos --out embeddings.parquet
                condembed search {name} --gallery photos --query new.jpg

            In C#, with the package CondEmbed:

            ```csharp
            using CondEmbed.Models;

            using var embedder = EmbeddingModel.Load("{name}").ToEmbedder();
            float[] embedding = embedder.Embed("new.jpg");
            ```

            In F#:

            ```fsharp
            open CondEmbed.Models

            use embedder = EmbeddingModel.Load("{name}").ToEmbedder()
            let embedding = embedder.Embed "new.jpg"
            ```

            For ONNX Runtime, in any language; the file takes the bytes of images and has the preprocessing in it:

                condembed export {name} --onnx {name}.onnx

            For PyTorch, under the names of torchvision or timm; its metadata says how to rebuild the network:

                condembed export {name} --safetensors {name}.safetensors

            """;
    }
}
