namespace CondEmbed.Sample;

/// <summary>The program's options.</summary>
/// <param name="Run">A run folder; null to train a run.</param>
/// <param name="Gallery">A folder of images; null for the bundled emoji.</param>
/// <param name="Steps">Steps of the training, where there is one.</param>
internal sealed record SampleOptions(string? Run, string? Gallery, int Steps);

/// <summary>The program's progress, as the page shows it.</summary>
/// <param name="IsReady">Whether images can be searched.</param>
/// <param name="Text">What is done, or what there is to search.</param>
/// <param name="Share">How much of that is done, 0 to 1.</param>
/// <param name="Levels">Levels of the network; with none there is no heat map.</param>
/// <param name="MostBytes">The size limit of an uploaded file.</param>
internal sealed record SampleState(bool IsReady, string Text, double Share, int Levels = 0, long MostBytes = 0);
