/// Where a token lies in its image, as features that are added to the token before it becomes a key. Values do not get them, as in Carion et al.,
/// "End-to-End Object Detection with Transformers", ECCV 2020: where something is helps to find it but is not part of it.
module CondEmbed.Positions

open System
open TorchSharp

type private F = torch.nn.functional

/// How tokens get their positions.
[<RequireQualifiedAccess>]
type Code =
    | None
    /// Sines and cosines of row and column: Vaswani et al. 2017, section 3.5, in two dimensions. No parameters.
    | Sine
    /// A grid of 8 x 8 learned codes, stretched bilinearly to the map's size.
    | Learned

let private gridSide = 8L

/// A map -> T C: sin and cos of the row, then of the column, each at C / 4 wavelengths from 2 pi locations up to nearly 10000 times that; up to three remaining
/// channels stay zero.
let sine (map: Tensor) =
    let channels, rows, columns = map.shape[1], map.shape[2], map.shape[3]
    let count (n: int64) = torch.arange (scalar (float n), dtype = map.dtype, device = map.device)
    let quarter = channels / 4L
    let frequencies = (count quarter * (-log 10000.0 / float (max 1L quarter))).exp()

    let waves (places: int64) =
        let angles = (count places).unsqueeze 1L * frequencies
        torch.cat ([| angles.sin (); angles.cos () |], 1L)

    let ofRows = (waves rows).unsqueeze(1L).expand(rows, columns, 2L * quarter)
    let ofColumns = (waves columns).unsqueeze(0L).expand(rows, columns, 2L * quarter)
    let rest = map.new_zeros [| rows; columns; channels - 4L * quarter |]
    torch.cat([| ofRows; ofColumns; rest |], 2L).flatten(0L, 1L)

/// (map B C h w, its tokens B T C) -> B T C, the tokens with their positional codes added. `Learned` declares `position`.
let added code channels : Layer<Tensor * Tensor, Tensor> =
    match code with
    | Code.None -> Layer.lift snd
    | Code.Sine -> Layer.lift (fun (map, tokens) -> tokens + sine map)
    | Code.Learned ->
        let spec =
            { Name = "position"
              Shape = [ 1L; int64 channels; gridSide; gridSide ]
              Role = Trainable
              Init = Normal 0.02 }

        Layer.create [ spec ] (fun env (map, tokens) ->
            let size = [| map.shape[2]; map.shape[3] |]
            let bilinear = torch.InterpolationMode.Bilinear

            tokens
            + Layers.tokens (F.interpolate (env.Params["position"], size, mode = bilinear, align_corners = Nullable false)))
