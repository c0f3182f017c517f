/// Tensors and reports as C# sees them.
namespace CondEmbed.Interop

open System
open CondEmbed
open TorchSharp

/// A tensor as plain bytes: name, type as safetensors writes it (F32, F64, F16, BF16, I64, U8 ...), shape, little-endian values.
[<Sealed; AllowNullLiteral>]
type TensorData(name: string, elementType: string, shape: int64 array, bytes: byte array) =
    member _.Name = name
    member _.ElementType = elementType
    member _.Shape = shape
    member _.Bytes = bytes

/// The report of a training step.
[<Sealed>]
type StepResult internal (report: Train.Report) =
    let terms = readOnlyDict report.Terms

    /// Steps done, this one included.
    member _.Step = report.Step
    member _.Loss = report.Loss
    /// The named parts of the loss before weighting: `loss`, `level1` ...
    member _.Terms = terms
    member _.LearningRate = report.Rate
    member _.GradientNorm = report.GradientNorm

/// Converts tensors to and from bytes.
module internal Bytes =
    let private types =
        [ "F32", torch.ScalarType.Float32
          "F64", torch.ScalarType.Float64
          "F16", torch.ScalarType.Float16
          "BF16", torch.ScalarType.BFloat16
          "I64", torch.ScalarType.Int64
          "I32", torch.ScalarType.Int32
          "I16", torch.ScalarType.Int16
          "I8", torch.ScalarType.Int8
          "U8", torch.ScalarType.Byte
          "BOOL", torch.ScalarType.Bool ]

    /// The type of that name, such as F16. ArgumentException, which says what is of that type, if torch does not have it.
    let typeOf what elementType =
        match types |> List.tryFind (fun (name, _) -> name = elementType) with
        | Some(_, dtype) -> dtype
        | None ->
            let all = types |> List.map fst |> String.concat ", "
            invalidArg (nameof elementType) $"{what} has the type {elementType}, which is none of {all}."

    let ofTensor name (tensor: Tensor) =
        scoped (fun () ->
            let host = tensor.detach().cpu().contiguous()
            let elementType = types |> List.find (fun (_, t) -> t = host.dtype) |> fst
            TensorData(name, elementType, host.shape, host.bytes.ToArray()))

    /// A tensor on the CPU, in the caller's scope.
    let toTensor (data: TensorData) =
        let dtype = typeOf $"The tensor '{data.Name}'" data.ElementType
        let tensor = torch.empty (data.Shape, dtype = dtype, device = torch.CPU)

        if data.Bytes.Length <> tensor.bytes.Length then
            invalidArg
                (nameof data)
                $"The tensor '{data.Name}' has {data.Bytes.Length} bytes; {data.ElementType} {shapeText data.Shape} takes {tensor.bytes.Length}."

        data.Bytes.AsSpan().CopyTo tensor.bytes
        tensor
