using CondEmbed.Datasets;
using CondEmbed.Options;
using CondEmbed.Runs;
using CondEmbed.Storage;

namespace CondEmbed.Studies;

/// <summary>One run of a study: an arm with a seed, in its own folder.</summary>
/// <param name="Arm">The arm's name.</param>
/// <param name="Seed">The seed.</param>
/// <param name="Settings">The complete settings.</param>
/// <param name="Folder">The run's folder, <c>OUT/ARM/seed-N</c>, or <c>OUT/ARM/TRIAL/seed-N</c> where the study varies settings.</param>
public sealed record StudyJob(string Arm, int Seed, RunSettings Settings, string Folder)
{
    /// <summary>Settings that may change when a run is resumed, since they affect at most the last bits.</summary>
    private static readonly string[] OfMachine = ["device", "threads", "workers", "save_every", "tensorboard", "initial_evaluation", "initial_metrics", "frozen_weights"];

    /// <summary>The name of its combination of settings; empty where the study varies none.</summary>
    public string Trial { get; init; } = "";

    /// <summary>For people.</summary>
    public string Name => Trial.Length == 0 ? $"{Arm}, seed {Seed}" : $"{Arm}, {Trial}, seed {Seed}";

    /// <summary>Whether it was started, so that it can be resumed.</summary>
    public bool IsBegun => File.Exists(new RunFolder(Folder).Settings);

    /// <summary>Whether it is finished.</summary>
    public bool IsFinished => IsBegun && JobState.Of(this).IsFinished;

    /// <summary>Steps done so far.</summary>
    public int StepsDone => JobState.Of(this).Step;

    /// <summary>
    /// Makes way for the run: sees to it that what is there is a part of it, and takes away the few files that a killed process left before it had begun.
    /// </summary>
    /// <param name="place">Where a setting stands, by its key, to be named in front of what is wrong with it.</param>
    /// <exception cref="InputException">The folder holds a run with other settings or something else, or what the run reads is not there.</exception>
    internal void Prepare(Func<string, string> place)
    {
        if (!IsFinished)
        {
            DemandFile(place("data"), "data", Settings.Host.Data, ImageDatasets.EmbeddedNames.Contains(Settings.Host.Data));
            DemandFile(place("weights"), "weights", Settings.Host.Weights, Settings.Host.Weights is "" or ImageNet.Weights);
        }

        if (IsBegun)
        {
            DemandSameSettings();
        }
        else
        {
            MakeWay();
        }
    }

    /// <summary>Removes the checkpoints of the finished run, from which nobody goes on.</summary>
    internal void RemoveCheckpoints()
    {
        var checkpoints = new RunFolder(Folder).Checkpoints;

        if (Directory.Exists(checkpoints))
        {
            Directory.Delete(checkpoints, recursive: true);
        }
    }

    private void MakeWay()
    {
        var folder = new RunFolder(Folder);

        if (File.Exists(Folder) || (Directory.Exists(Folder) && !folder.IsUnbegun()))
        {
            throw new InputException($"{Folder}: does not belong to this study: it contains something that no run wrote. Move it away, or give the study another {Wording.Of("folder", "--out")}.");
        }

        folder.RemoveUnbegun();
    }

    private static void DemandFile(string place, string key, string path, bool isNone)
    {
        if (!isNone && !Path.Exists(path))
        {
            throw new InputException($"{place}{key} = {path}: does not exist. Paths in a study are relative to the folder in which it is started.");
        }
    }

    private void DemandSameSettings()
    {
        var there = RunFolder.Open(Folder).Settings;
        var found = there.Pairs().ToDictionary(pair => pair.Key, pair => pair.Value);
        var wanted = Trainer.Located(Settings).Pairs();
        string[] different =
        [
            .. wanted.Where(pair => !OfMachine.Contains(pair.Key) && found.GetValueOrDefault(pair.Key) != pair.Value)
                .Select(pair => $"{pair.Key} = {found.GetValueOrDefault(pair.Key)} there, {pair.Value} in the study"),
        ];

        if (different.Length > 0)
        {
            throw new InputException($"{Folder}: contains a run with other settings ({string.Join("; ", different)}). Delete that folder to run it again, or give the study another {Wording.Of("folder", "--out")}.");
        }
    }
}

/// <summary>Carries out a run of a study: begins it, or goes on with it, in the job's folder. Throws if it did not get to its end.</summary>
/// <param name="job">The run.</param>
/// <param name="cancellationToken">Stops it, after it has saved where it is.</param>
public delegate void StudyRunner(StudyJob job, CancellationToken cancellationToken);

/// <summary>Ways to carry out runs.</summary>
public static class StudyRunners
{
    /// <summary>
    /// The environment variable that tells the program to stop, as on Ctrl-C, when its standard input ends: so that it never outlives whoever started it,
    /// however that ended.
    /// </summary>
    public const string StopsWithInput = "CONDEMBED_STOPS_WITH_INPUT";

    /// <summary>In this process. One at a time: torch has one number generator for all of it.</summary>
    public static void InThisProcess(StudyJob job, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(job);
        var trainer = job.IsBegun ? Trainer.Resume(job.Folder) : new Trainer(job.Settings, job.Folder);
        trainer.Train(cancellationToken: cancellationToken);
    }

    /// <summary>Each in a process of its own, so that several run at once and the memory of each can be told: <c>program train ...</c>.</summary>
    /// <param name="program">The file of the program.</param>
    /// <param name="arguments">What comes before <c>train</c>: nothing for <c>condembed</c>, the assembly for <c>dotnet</c>.</param>
    public static StudyRunner InProcesses(string program, params IReadOnlyList<string> arguments) => (job, cancellationToken) =>
    {
        ArgumentNullException.ThrowIfNull(job);
        AtomicFile.MakeFolder(Path.GetDirectoryName(job.Folder)!);

        if (job.IsBegun)
        {
            TrainingProcess.Run(program, [.. arguments, "train", "--resume", job.Folder], job.Folder + ".log", cancellationToken);
            return;
        }

        // Under a name that nobody else has, for it is deleted in the end.
        var settings = AtomicFiles.Begun(AtomicFile.TemporaryFor(job.Folder + ".toml"));

        try
        {
            AtomicFile.WriteText(settings, TomlSettings.Write(job.Settings));
            TrainingProcess.Run(program, [.. arguments, "train", "--config", settings, "--out", job.Folder], job.Folder + ".log", cancellationToken);
        }
        finally
        {
            AtomicFiles.Discard(settings);
        }
    };
}
