using CondEmbed.Common;
using CondEmbed.Datasets;
using CondEmbed.Evaluation;
using CondEmbed.Models;
using CondEmbed.Options;
using CondEmbed.Runs;
using CondEmbed.Search;

// Trains on the embedded emoji set, keeps the network, loads it again and searches with it.
// Arguments: the number of training steps (100) and the folder for the run (one below 'runs').
var options = new TrainingOptions { Steps = args.Length > 0 ? int.Parse(args[0]) : 100, Levels = 1, Out = args.ElementAtOrDefault(1) };
var pacer = new ProgressPacer(TimeSpan.FromSeconds(5));
var progress = new Progress<RunProgress>(at =>
{
    if (pacer.ShouldPrint(at))
        Console.WriteLine(ProgressText.Line(at));
});

using var stop = new CancellationTokenSource();
Console.CancelKeyPress += (_, pressed) =>
{
    pressed.Cancel = true;
    stop.Cancel();
};

var result = await Trainer.TrainAsync(options, progress, Console.WriteLine, stop.Token);
Console.WriteLine(MetricTable.Format(result.Before, result.After));

// From here on as a program would that only has the run's folder.
using var model = EmbeddingModel.Load(result.Folder);
var images = EmojiDataset.Open();
var embeddings = model.Embed(images);
var query = images.Items.ToList().FindIndex(item => item.Path.Contains("ghost", StringComparison.Ordinal));
var asked = new Embeddings<float>([.. embeddings.Row(query)], 1, model.Dimension);
var nearest = NeighbourSearch.TopK(asked, embeddings, k: 6, excludeSelf: false);

Console.WriteLine($"Nearest to {images.Items[query].Path}:");
foreach (var (item, cosine) in nearest.Items.Zip(nearest.Similarities).Where(found => found.First != query))
    Console.WriteLine($"  {cosine:0.000}  {images.Items[item].Path}");
