/// What keeps embeddings or proxies, rows of numbers, in order by themselves. Values are those of pytorch-metric-learning.
module CondEmbed.Regularisers

open TorchSharp

/// Rows per class, rows N D -> scalar. The rows of a class come in succession.
type Regulariser = int -> Tensor -> Tensor

/// N D -> scalar: the mean of the rows' lengths by the p-norm.
let norm (p: int) (rows: Tensor) =
    let powers = (if p = 2 then rows * rows else rows.abs().pow(scalar (float p))).sum 1L
    // The root of a zero row has no gradient, and none is needed there.
    let none = powers.detach().eq(scalar 0.0)
    powers.masked_fill(none, scalar 1.0).pow(scalar (1.0 / float p)).masked_fill(none, scalar 0.0).mean()

/// N D -> scalar: the mean of |sum of a row|, which is 0 for features with a mean of zero. Yuan et al., "Signal-to-Noise Ratio", CVPR 2019, section 3.4.
let zeroMean (rows: Tensor) = (rows.sum 1L).abs().mean()

/// N D -> scalar: the mean of (|w|^2 - mean |w|^2)^2 / 4, which keeps all lengths alike. Wu et al., "Deep Face Recognition with Center Invariant Loss", 2017, eq. 4.
let centreInvariant (rows: Tensor) =
    let squares = (rows * rows).sum 1L
    (squares - squares.mean ()).square().mean() / 4.0

/// N D -> scalar: the mean of each row's cosine with the most similar other one, which keeps them apart. Zhao, Xu and Cheng, "RegularFace", CVPR 2019, eq. 5.
let regularFace (rows: Tensor) =
    let unit = Layers.l2Normalise rows
    let cosines = matmul unit (unit.t ())

    if rows.shape[0] < 2L then
        0.0 * cosines.sum ()
    else
        let self = torch.eye (rows.shape[0], dtype = torch.bool, device = rows.device)
        let nearest = cosines.detach().masked_fill(self, scalar -infinity).argmax(1L, keepdim = true)
        cosines.gather(1L, nearest).mean()

/// Centres per class, N D -> scalar: half the mean distance of two centres of a class, as unit vectors, which merges those that are not needed; 0 for one centre. Qian et al.,
/// SoftTriple, ICCV 2019, eq. 10.
let sparseCentres (centres: int) (rows: Tensor) =
    let unit = Layers.l2Normalise rows
    let number = torch.arange (scalar (float rows.shape[0]), dtype = float64, device = rows.device)
    let classes = (number / float centres).floor()
    let same = classes.unsqueeze(1L).eq(classes.unsqueeze 0L).triu 1L
    Reducers.meanWhere same (Similarity.distanceFromCosine (matmul unit (unit.t ()))) / 2.0

let private p = Setting.whole "p" 2 "of the p-norm"

/// Every regulariser of proxies by name.
let all: Part<Regulariser> list =
    [ Part.define "norm" "the mean length of the proxies" {
          let! p = p
          return fun _ rows -> norm p rows
      }
      Part.define "centre-invariant" "Wu et al. 2017; keeps the proxies equally long" { return fun _ rows -> centreInvariant rows }
      Part.define "regular-face" "Zhao, Xu and Cheng, CVPR 2019; keeps each proxy away from the nearest other" {
          return fun _ rows -> regularFace rows
      }
      Part.define "sparse-centres" "Qian et al., ICCV 2019; merges the centres of a class" { return sparseCentres } ]

/// The settings `regulariser` and `regularisation`: what is added to a loss for its proxies; nothing by default.
let setting: Declared<int -> Tensor -> Tensor -> Tensor> =
    Part.declare {
        let! regularise =
            Part.setting
                "regulariser"
                all
                "regulariser"
                "norm"
                "what regularisation weighs: norm, centre-invariant, regular-face, sparse-centres"

        and! weight = Setting.number "regularisation" 0.0 "weight of the regulariser of the proxies"
        return fun centres rows (loss: Tensor) -> if weight = 0.0 then loss else loss + weight * regularise centres rows
    }
