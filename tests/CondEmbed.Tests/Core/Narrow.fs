/// Encoders with few numbers: the code of the named ones, at a hundredth of their memory and time.
module CondEmbed.Tests.Narrow

open Expecto
open CondEmbed
open CondEmbed.Encoders

/// An encoder of the same form, heads and colours: so many blocks, and eight features for each head, or eight channels in the first stage.
let encoder norms depth size (whole: Encoder) =
    match whole.Form with
    | Some(Form.Transformer heads) ->
        VisionTransformer.build
            { Patch = whole.Multiple
              Size = size
              Width = 8 * heads
              Depth = depth
              Heads = heads
              Mean = whole.Mean
              Deviation = whole.Deviation }
    | Some(Form.Residual(strides, wide, smooth, first)) ->
        let network =
            Residual.build
                { Stem = (if wide then Residual.Wide else Residual.Narrow 2)
                  StemWidth = 8
                  Stages = [ for stage, stride in List.indexed strides -> 8 <<< stage, depth, stride ]
                  Block =
                    match first with
                    | None -> Residual.Basic
                    | Some first -> Residual.Bottleneck(if first then Residual.OnFirst else Residual.OnSecond)
                  SmoothShortcut = smooth
                  ZeroStart = false
                  Norms = norms }

        { network with Mean = whole.Mean; Deviation = whole.Deviation }
    | None -> failtest "an encoder of no form"
