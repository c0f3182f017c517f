/// Networks with weights that nothing could do without, and images of noise, for the tests of exports.
module CondEmbed.Tests.ExportSupport

open System
open System.IO
open System.Runtime.InteropServices
open Expecto
open CondEmbed.Options
open CondEmbed.Torch
open CondEmbed.Models
open CondEmbed.Export
open CondEmbed.Interop
open CondEmbed.Onnx

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
            [| for x in MemoryMarshal.Cast<byte, float32>(ReadOnlySpan weight.Bytes).ToArray() -> float32 (change (float x)) |]

        TensorData(weight.Name, weight.ElementType, weight.Shape, MemoryMarshal.AsBytes(ReadOnlySpan values).ToArray())

/// A network of the settings that was never trained.
let untrained given =
    let random = Random 5
    let settings = settings given
    let session = Session.ForEmbedding(settings.Core, Device.choose "cpu")
    session.Load [| for weight in session.EmbeddingWeights() -> unsettled random weight |] |> ignore
    new EmbeddingModel(session, settings, 0)

/// Bytes of images of noise.
let noise seed count side =
    let pixels = Array.zeroCreate (count * side * side * 3)
    Random(seed: int).NextBytes pixels
    pixels

/// Writes a network as it is, without a comparison.
let writeOnnx file int8 (model: EmbeddingModel) =
    use stream = File.Create file
    Google.Protobuf.MessageExtensions.WriteTo(OnnxExport.Message(model, int8), stream)

let openOnnx file = OnnxModel.Load file :> CondEmbed.Search.IEmbeddingNetwork

/// No number further from its twin than the tolerance.
let expectNear tolerance (expected: float32 array) (actual: float32 array) what =
    Expect.equal actual.Length expected.Length $"{what}: how many numbers"
    Expect.isTrue (Array.forall Single.IsFinite actual) $"{what}: finite"
    let apart = Seq.map2 (fun (x: float32) y -> abs (float x - float y)) expected actual |> Seq.max
    Expect.isLessThanOrEqual apart tolerance what
