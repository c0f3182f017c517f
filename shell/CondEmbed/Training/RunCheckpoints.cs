using System.Text.Json;
using CondEmbed.Checkpoints;
using CondEmbed.Interop;

namespace CondEmbed.Training;

/// <summary>What a run knows of itself beside its tensors.</summary>
/// <param name="Step">Steps done.</param>
/// <param name="BestStep">The step of the best validation so far; 0 before the first.</param>
/// <param name="BestValue">Its MAP@R; 0 before the first.</param>
/// <param name="Seconds">Training time so far, interruptions left out.</param>
/// <param name="Network">The sum of the encoder and head before the first step.</param>
/// <param name="Batches">The sum of all batches so far.</param>
/// <param name="Waited">Seconds of the training time in which there was no batch ready.</param>
internal sealed record Progress(int Step, int BestStep, double BestValue, double Seconds, string Network = "", string Batches = "", double Waited = 0);

/// <summary>Saves and restores all that a run needs to go on as if it had never stopped: parameters, moments, random state, progress.</summary>
internal static class RunCheckpoints
{
    private const string Weights = "weights.safetensors";
    private const string Moments = "moments.safetensors";
    private const string Random = "random.bin";
    private const string State = "state.json";

    private static readonly JsonSerializerOptions Json = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower, WriteIndented = true };

    internal static Checkpoint Save(CheckpointStore store, Session session, Progress progress) =>
        store.Save(progress.Step, folder =>
        {
            TensorFiles.Write(Path.Combine(folder, Weights), session.Weights());
            TensorFiles.Write(Path.Combine(folder, Moments), session.Moments());
            File.WriteAllBytes(Path.Combine(folder, Random), session.RandomState());
            File.WriteAllText(Path.Combine(folder, State), JsonSerializer.Serialize(progress, Json));
        });

    /// <summary>Puts the session where the newest checkpoint left it; null when there is none.</summary>
    internal static Progress? Restore(string root, Session session)
    {
        if (CheckpointStore.Latest(root) is not { } latest)
        {
            return null;
        }

        string File(string name) => Path.Combine(latest.Folder, name);

        try
        {
            var progress = JsonSerializer.Deserialize<Progress>(System.IO.File.ReadAllText(File(State)), Json)
                ?? throw new JsonException("it is empty");
            session.Restore(
                TensorFiles.Read(File(Weights)).Tensors,
                TensorFiles.Read(File(Moments)).Tensors,
                System.IO.File.ReadAllBytes(File(Random)),
                progress.Step);
            return progress;
        }
        catch (Exception error) when (error is IOException or JsonException)
        {
            throw new InputException($"{latest.Folder}: the checkpoint cannot be read ({error.Message}). Delete that folder to go on from the one before.");
        }
    }
}
