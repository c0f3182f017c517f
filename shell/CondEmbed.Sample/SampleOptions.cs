namespace CondEmbed.Sample;

/// <summary>What the program was asked for.</summary>
/// <param name="Run">A run's folder; null trains one.</param>
/// <param name="Gallery">A folder of pictures; null are the emoji that come along.</param>
/// <param name="Steps">Steps of the training, where there is one.</param>
internal sealed record SampleOptions(string? Run, string? Gallery, int Steps);

/// <summary>How far the program is, as the page shows it.</summary>
/// <param name="IsReady">Whether pictures can be searched.</param>
/// <param name="Text">What is done, or what there is to search.</param>
/// <param name="Share">How much of that is done, 0 to 1.</param>
/// <param name="Levels">Levels of the network; without any there is no heat map.</param>
/// <param name="MostBytes">The largest file that is taken.</param>
internal sealed record SampleState(bool IsReady, string Text, double Share, int Levels = 0, long MostBytes = 0);
