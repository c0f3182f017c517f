/// Networks with weights that nothing could do without, and images of noise, for the tests of exports.
module CondEmbed.Tests.ExportSupport

open System
open System.IO
open System.Runtime.InteropServices
open Expecto
open CondEmbed
open CondEmbed.Encoders
open CondEmbed.Options
open CondEmbed.Torch
open CondEmbed.Models
open CondEmbed.Export
open CondEmbed.Interop
open CondEmbed.Onnx
open TorchSharp
open CondEmbed.Tests.Support

let settings (given: (string * string) list) =
    RunSettings.Resolve [ for key, value in [ "device", "cpu"; "threads", "2"; "levels", "0" ] @ given -> Given("test", key, value) ]

/// Weights as a training might leave them: norms that scale and shift, statistics that are not those of the start.
let private unsettled (random: Random) (weight: TensorData) =
    let normal () = sqrt (-2.0 * log (1.0 - random.NextDouble())) * cos (2.0 * Math.PI * random.NextDouble())

    if weight.Shape.Length > 1 then
        weight
    else
        let change =
            if weight.Name.EndsWith "running_var" then fun _ -> 0.5 + random.NextDouble()
            elif weight.Name.Contains "bn" || weight.Name.Contains "downsample.1" then fun x -> 0.7 * x + 0.3 * normal ()
            else fun x -> x + 0.1 * normal ()

        let values =
            [| for x in MemoryMarshal.Cast<byte, float32>(ReadOnlySpan weight.Bytes).ToArray() -> single (change (float x)) |]

        TensorData(weight.Name, weight.ElementType, weight.Shape, MemoryMarshal.AsBytes(ReadOnlySpan values).ToArray())

/// A network of the settings that was never trained.
let untrained given =
    let random = Random 5
    let settings = settings given
    let session = Session.ForEmbedding(settings.Core, Device.choose "cpu")
    session.Load [| for weight in session.EmbeddingWeights() -> unsettled random weight |] |> ignore
    new EmbeddingModel(session, settings, 0)

/// The weights of a transformer's blocks begin small, so that its attention is nearly even; these are larger.
let private steep (name: string) (tensor: Tensor) = if name.StartsWith "blocks." && tensor.shape.Length > 1 then 5.0 * tensor else tensor

/// What is exported of a network, and what it makes of B images.
type Exported =
    { Settings: RunSettings
      Weights: TensorData array
      Dimension: int
      Embed: byte array -> int -> float32 array }

/// A network with the named encoder's form, heads and colours, and few numbers, in the scope of the test.
let narrow depth given =
    let settings = settings given
    let core = settings.Core
    let whole = (All.tryBuild core.Encoder (Config.encoderOptions core)).Value
    let encoder = Narrow.encoder Layers.Norms.Batch depth core.Size whole
    let name, features, pooling = All.poolings |> List.find (fun (name, _, _) -> name = core.Pooling)
    let network = Network.ofEncoder encoder (features, pooling, name = "mean") core.HeadNorm core.Embedding
    let embed = Network.embed network
    let random = Random 5

    let weights =
        [| for name, tensor in Params.toSeq (drawn 3L float32 embed.Specs) -> unsettled random (Bytes.ofTensor name (steep name tensor)) |]

    let parameters = Params.ofSeq [ for weight in weights -> weight.Name, Bytes.toTensor weight ]

    let embedded (pixels: byte array) (count: int) =
        let images = torch.tensor(pixels).reshape(int64 count, int64 core.Size, int64 core.Size, 3L)
        (Layer.run parameters embed images).data<float32>().ToArray()

    { Settings = settings
      Weights = weights
      Dimension = (if core.Embedding > 0 then core.Embedding else features * encoder.Channels)
      Embed = embedded }

/// The same of a whole network.
let whole (model: EmbeddingModel) =
    { Settings = model.Settings
      Weights = Array.ofSeq (model.Weights())
      Dimension = model.Dimension
      Embed = fun pixels count -> model.Embed(pixels, count) }

/// Bytes of images of noise.
let noise seed count side =
    let pixels = Array.zeroCreate (count * side * side * 3)
    Random(seed: int).NextBytes pixels
    pixels

let private writeMessage file message =
    use stream = File.Create(file: string)
    Google.Protobuf.MessageExtensions.WriteTo(message, stream)

/// Writes a network as it is, without a comparison.
let writeOnnx file int8 (model: EmbeddingModel) = writeMessage file (OnnxExport.Message(model, int8))

let writeExported file (network: Exported) =
    writeMessage file (OnnxExport.Message(network.Settings, network.Weights, network.Dimension, "none", false))

let openOnnx (file: string) = OnnxModel.Load file :> CondEmbed.Search.IEmbeddingNetwork

/// No number further from its twin than the tolerance.
let expectNear tolerance (expected: float32 array) (actual: float32 array) what =
    Expect.equal actual.Length expected.Length $"{what}: how many numbers"
    Expect.isTrue (Array.forall Single.IsFinite actual) $"{what}: finite"
    let apart = Seq.map2 (fun (x: float32) y -> abs (float x - float y)) expected actual |> Seq.max
    Expect.isLessThanOrEqual apart tolerance what
