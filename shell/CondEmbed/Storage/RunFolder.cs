using CondEmbed.Options;

namespace CondEmbed.Storage;

/// <summary>A run that was begun.</summary>
/// <param name="Folder">Its files.</param>
/// <param name="Settings">Its settings.</param>
public sealed record RecordedRun(RunFolder Folder, RunSettings Settings);

/// <summary>The files of a run, by name.</summary>
/// <param name="root">The run folder.</param>
public sealed class RunFolder(string root)
{
    /// <summary>The folders that were created for the run, innermost first.</summary>
    private IReadOnlyList<string> made = [];

    /// <summary>The run folder.</summary>
    public string Root { get; } = root;

    /// <summary>Its name for people: the folder's; of a study's run those of the study and the arm too, since <c>seed-0</c> says nothing.</summary>
    internal string Name
    {
        get
        {
            string[] parts = Path.GetFullPath(Root).Split(Path.DirectorySeparatorChar, StringSplitOptions.RemoveEmptyEntries);
            var isOfStudy = parts is [.., var last] && last.StartsWith("seed-", StringComparison.Ordinal) && last[5..].All(char.IsAsciiDigit);
            return string.Join('/', parts.TakeLast(!isOfStudy ? 1 : parts is [.., var trial, _] && trial.Contains('=', StringComparison.Ordinal) ? 4 : 3));
        }
    }

    /// <summary>The resolved settings.</summary>
    public string Settings => Path.Combine(Root, "config.toml");

    /// <summary>A hash of the data and its split, so that a run is only resumed on the same data.</summary>
    public string Fingerprint => Path.Combine(Root, "data.sha256");

    /// <summary>One JSON object per line: steps, validations, checkpoints.</summary>
    public string Log => Path.Combine(Root, "log.jsonl");

    /// <summary>TensorBoard's files, if the settings ask for them.</summary>
    public string TensorBoard => Path.Combine(Root, "tensorboard");

    /// <summary>Metrics of the test classes before and after training.</summary>
    public string Metrics => Path.Combine(Root, "metrics.json");

    /// <summary>Metrics of each test class after training.</summary>
    public string Classes => Path.Combine(Root, "classes.csv");

    /// <summary>The HTML report.</summary>
    public string Report => Path.Combine(Root, "report.html");

    /// <summary>The network after the last step.</summary>
    public string LastWeights => Path.Combine(Root, "last.safetensors");

    /// <summary>The network that did best on the validation classes.</summary>
    public string BestWeights => Path.Combine(Root, "best.safetensors");

    /// <summary>The levels of <see cref="LastWeights"/>, which are needed only to compare pairs; absent without levels.</summary>
    public string LastLevels => LevelsFile.Beside(LastWeights);

    /// <summary>The levels of <see cref="BestWeights"/>; absent without levels.</summary>
    public string BestLevels => LevelsFile.Beside(BestWeights);

    /// <summary>The checkpoints, from which the run can be resumed.</summary>
    public string Checkpoints => Path.Combine(Root, "checkpoints");

    /// <summary>The sums of the files of this folder.</summary>
    internal FileSums Sums => new(Root);

    /// <summary>A new folder with that name, or one below <c>runs</c> named after the time and the settings.</summary>
    /// <exception cref="InputException">The folder is not empty.</exception>
    public static RunFolder Create(string? path, RunSettings settings, TimeProvider clock)
    {
        var root = Path.GetFullPath(string.IsNullOrEmpty(path) ? Unused(Path.Combine("runs", NameOf(settings, clock))) : path);

        var named = string.IsNullOrEmpty(path) ? root : $"{Wording.Of("Out:", "--out")} {path}";

        if (root.Any(char.IsControl))
        {
            throw new InputException($"{named}: the name contains a control character; choose a name without it.");
        }

        if (File.Exists(root) || Disk.IsSpecial(root))
        {
            throw new InputException($"{named}: is a file; choose a folder for the run.");
        }

        // What a run that was killed before it began has left is in nobody's way.
        FileProblem.Writing(root, new RunFolder(root).RemoveUnbegun);

        if (Directory.Exists(root) && Directory.EnumerateFileSystemEntries(root).Any())
        {
            throw new InputException($"{named}: {new RunFolder(root).Occupant(path!)}; or choose another folder.");
        }

        var missing = Missing(root);
        FileProblem.Telling(() => Directory.CreateDirectory(root), problem => FileProblem.IsFull(problem)
            ? FileProblem.OfWriting(root, problem)
            : new InputException($"{named}: the folder cannot be created: {FileProblem.Reason(problem)}. Choose another."));
        return new RunFolder(root) { made = missing };
    }

    /// <summary>What stands in the way of a new run here, and what can be done with it.</summary>
    private string Occupant(string path) =>
        CheckpointStore.IsInUse(Checkpoints) ? "another run is using this folder; wait until it has ended"
        : !File.Exists(Settings) ? "the folder is not empty; empty it"
        : !File.Exists(LastWeights) ? $"a run was begun there; resume it with {Wording.Of("Trainer.Resume", $"--resume {path}")}"
        : $"a finished run is there; train it further with {Wording.Of("Trainer.Resume and ResumeOptions { Steps = ... }", $"--resume {path} --steps N")}";

    /// <summary>The folder of an existing run, and its settings.</summary>
    /// <exception cref="InputException">It is not a run folder.</exception>
    public static RecordedRun Open(string path)
    {
        var folder = new RunFolder(Path.GetFullPath(path));

        if (!File.Exists(folder.Settings))
        {
            throw NoRun(path);
        }

        folder.Demand(folder.Settings);
        return new RecordedRun(folder, RunSettings.Resolve(TomlSettings.Read(folder.Settings)));
    }

    /// <summary>What is said of a folder that is none of a run; of an arm of a study, a study, or a folder with runs in it, which of the runs may be meant.</summary>
    /// <param name="path">The folder.</param>
    /// <param name="lack">What a run's folder would have.</param>
    internal static InputException NoRun(string path, string lack = "no config.toml")
    {
        var kind = File.Exists(Path.Combine(path, "study.json")) ? "a study" : "an arm of a study";
        return new InputException(RunBelow(path, "seed-*", 2) is { } seed
            ? $"{path}: this is not a run folder but {kind}. Name the run of a seed in it, such as {seed}; or see the study's study.html."
            : RunBelow(path, "*", 0) is { } run ? $"{path}: this is not a run folder ({lack}), but has runs in it. Name one of them, such as {run}."
            : $"{path}: this is not a run folder ({lack}). Pass the folder that {Wording.Of("a Trainer wrote", "`condembed train` printed")}.");
    }

    /// <summary>The first run in a folder by its name; null if there is none.</summary>
    private static string? RunBelow(string path, string pattern, int depth)
    {
        var within = new EnumerationOptions { RecurseSubdirectories = depth > 0, MaxRecursionDepth = depth };
        return Directory.Exists(path)
            ? Directory.EnumerateDirectories(path, pattern, within).Where(folder => File.Exists(new RunFolder(folder).Settings)).Order(StringComparer.Ordinal).FirstOrDefault()
            : null;
    }

    /// <summary>Checks that a file of the run has not changed since it was written, if its checksum is known.</summary>
    /// <exception cref="InputException">It has changed.</exception>
    internal void Demand(string file) => FileSums.Demand(
        file,
        file == Settings ? $"Restore it from a backup; or, if you changed it on purpose, delete its line in {FileSums.Name}." : ModelFile.Fix);

    /// <summary>A checkpoint's path within the run's folder, with '/' on every system.</summary>
    internal string NameOf(Checkpoint checkpoint) => Path.GetRelativePath(Root, checkpoint.Folder).Replace('\\', '/');

    /// <summary>
    /// Removes what was created for a run that did not start, that is, one without settings: the few files that such a run writes, by name, and the folders
    /// left empty.
    /// </summary>
    internal void RemoveUnbegun()
    {
        // Another run may have begun here meanwhile.
        if (CheckpointStore.IsInUse(Checkpoints))
        {
            return;
        }

        if (!File.Exists(Settings) && IsUnbegun())
        {
            RemoveUnfinished();
            File.Delete(Fingerprint);

            if (Directory.Exists(Checkpoints))
            {
                File.Delete(CheckpointStore.LockOf(Checkpoints));
                Directory.Delete(Checkpoints);
            }
        }

        foreach (var folder in made.Where(folder => Directory.Exists(folder) && !Directory.EnumerateFileSystemEntries(folder).Any()))
        {
            Directory.Delete(folder);
        }
    }

    /// <summary>Whether the folder contains only what a run writes before it starts.</summary>
    internal bool IsUnbegun() => Directory.Exists(Root)
        && Directory.EnumerateFileSystemEntries(Root).All(entry => entry == Checkpoints || entry == Fingerprint || AtomicFile.IsTemporary(entry))
        && !Directory.Exists(Fingerprint)
        && (!Path.Exists(Checkpoints) || (Directory.Exists(Checkpoints) && Directory.EnumerateFileSystemEntries(Checkpoints).All(entry => entry == CheckpointStore.LockOf(Checkpoints))));

    /// <summary>Removes what a killed process had not finished writing. Only the one process that may write here may call this.</summary>
    internal void RemoveUnfinished()
    {
        foreach (var file in Directory.Exists(Root) ? Directory.EnumerateFiles(Root).Where(AtomicFile.IsTemporary) : [])
        {
            File.Delete(file);
        }
    }

    /// <summary>The folder and those above it that do not exist, innermost first.</summary>
    internal static List<string> Missing(string folder)
    {
        var missing = new List<string>();

        for (var at = folder; at is not null && !Directory.Exists(at); at = Path.GetDirectoryName(at))
        {
            missing.Add(at);
        }

        return missing;
    }

    private static string NameOf(RunSettings settings, TimeProvider clock)
    {
        var data = Path.GetFileNameWithoutExtension(settings.Host.Data.TrimEnd('/', '\\'));
        return FormattableString.Invariant($"{clock.GetLocalNow():yyyyMMdd-HHmmss}-{data}-{settings.Core.Encoder}");
    }

    private static string Unused(string path) =>
        Enumerable.Range(1, int.MaxValue).Select(n => n == 1 ? path : $"{path}-{n}").First(name => !Path.Exists(name));
}
