namespace CondEmbed.Interop

open System.Collections.Generic
open CondEmbed.Encoders

/// The form of an encoder, for exporters: ONNX graphs, and weights under the names that Python programs use.
[<Sealed; AllowNullLiteral>]
type EncoderDescription private (encoder: Description) =
    let form = (encoder.Build All.usual).Form

    let strides, wideStem, smoothShortcut, bottleneckOnFirst =
        match form with
        | Some(Form.Residual(strides, wideStem, smoothShortcut, bottleneckOnFirst)) -> strides, wideStem, smoothShortcut, bottleneckOnFirst
        | Some(Form.Transformer _)
        | None -> [], false, false, None

    /// The encoder of that name; null if there is none.
    static member Of(name: string) : EncoderDescription = All.tryFind name |> Option.map EncoderDescription |> Option.toObj

    member _.Name = encoder.Name
    /// One line about it.
    member _.About = encoder.About
    /// Its name in timm; null if it has none there.
    member _.Timm: string = Option.toObj encoder.Timm
    /// Its name in torchvision; null if it has none there.
    member _.Torchvision: string = Option.toObj encoder.Torchvision

    /// Whether it is a residual network with torchvision's names.
    member _.IsResidual = not strides.IsEmpty

    /// The heads of a vision transformer with timm's names; 0 for other networks.
    member _.Heads =
        match form with
        | Some(Form.Transformer heads) -> heads
        | Some(Form.Residual _)
        | None -> 0

    /// The stride of the first block of each stage.
    member val Strides: IReadOnlyList<int> = List.toArray strides
    /// Whether max pooling follows the first convolution.
    member _.WideStem = wideStem
    /// Whether a shortcut of stride 2 averages before it convolves.
    member _.SmoothShortcut = smoothShortcut
    /// Whether its blocks are bottlenecks: 1 x 1, 3 x 3, 1 x 1.
    member _.HasBottlenecks = bottleneckOnFirst.IsSome
    /// Whether a bottleneck halves the resolution at its first convolution instead of its second.
    member _.StrideOnFirst = (bottleneckOnFirst = Some true)
