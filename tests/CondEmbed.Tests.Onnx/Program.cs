using CondEmbed.Onnx;
using CondEmbed.Search;

using var embedder = new Embedder(OnnxModel.Load(args[0]));
var (first, second) = (embedder.Embed(args[1]), embedder.Embed(args[2]));
Console.WriteLine($"cosine {first.Zip(second, (x, y) => x * y).Sum():F4} of {embedder.Dimension} numbers, network {embedder.Fingerprint[..12]}");
