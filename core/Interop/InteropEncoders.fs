namespace CondEmbed.Interop

open System.Collections.Generic
open CondEmbed.Encoders

/// What an encoder is made of, for what writes it down elsewhere: ONNX graphs, and weights under the names of Python's programs.
[<Sealed; AllowNullLiteral>]
type EncoderDescription private (encoder: Description) =
    let form = (encoder.Build { Size = 224; Norms = CondEmbed.Layers.Norms.Batch }).Form

    let strides, wideStem, smoothShortcut, strideOnFirst =
        match form with
        | Some(Form.Residual(strides, wideStem, smoothShortcut, strideOnFirst)) -> strides, wideStem, smoothShortcut, strideOnFirst
        | Some(Form.Transformer _)
        | None -> [], false, false, false

    /// The encoder of that name; null where there is none.
    static member Of(name: string) : EncoderDescription =
        All.all
        |> List.tryFind (fun encoder -> encoder.Name = name)
        |> Option.map EncoderDescription
        |> Option.toObj

    member _.Name = encoder.Name
    /// Its name in timm; null where it is not there.
    member _.Timm: string = Option.toObj encoder.Timm
    /// Its name in torchvision; null where it is not there.
    member _.Torchvision: string = Option.toObj encoder.Torchvision

    /// A residual network with torchvision's names.
    member _.IsResidual = not strides.IsEmpty

    /// The heads of a vision transformer with timm's names; 0 for other networks.
    member _.Heads =
        match form with
        | Some(Form.Transformer heads) -> heads
        | Some(Form.Residual _)
        | None -> 0

    /// The stride of the first block of each stage.
    member val Strides: IReadOnlyList<int> = List.toArray strides
    /// Max pooling after the first convolution.
    member _.WideStem = wideStem
    /// A shortcut of stride 2 averages before it convolves.
    member _.SmoothShortcut = smoothShortcut
    /// A bottleneck halves the resolution at its first convolution, not at its second.
    member _.StrideOnFirst = strideOnFirst
