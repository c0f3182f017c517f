namespace CondEmbed.WeightFiles;

/// <summary>
/// Reads what <c>torch.save</c> writes since PyTorch 1.6 (<c>.pth</c>, <c>.pt</c>, <c>.bin</c>): the tensors of a state dictionary, also one
/// wrapped as <c>state_dict</c>, <c>model</c>, <c>teacher</c> or <c>student</c>. No Python code is run: see <see cref="TorchNames"/>.
/// </summary>
internal static class TorchFile
{
    internal const string Format = "PyTorch";

    /// <summary>Reads the file; numbers keep their type.</summary>
    /// <param name="path">The file.</param>
    /// <param name="part">The part to take; empty for the usual one.</param>
    /// <exception cref="InputException">It cannot be read, violates the format, or contains more than tensors.</exception>
    internal static WeightFile Read(string path, string part)
    {
        try
        {
            using var stream = File.OpenRead(path);
            using var archive = new TorchArchive(path, stream);
            var saved = new PickleMachine(path, archive.Pickle(), new TorchNames(path)).Run();
            var state = new StateDict(path, part);
            var arrays = state.Find(saved).Select(pair => archive.Read(pair.Key, pair.Value)).ToList();
            return new WeightFile(path, Format, arrays, null, state.Notes);
        }
        catch (Exception problem) when (problem is InvalidDataException or EndOfStreamException or NotSupportedException)
        {
            throw new InputException($"{path}: not a valid PyTorch file: {problem.Message}");
        }
    }
}
