namespace CondEmbed.Losses

open CondEmbed
open CondEmbed.Mining
open TorchSharp

/// A loss, by what it works on.
type Loss =
    /// Compares images: Q R pairs, similarities Q R (cosines, conditional or not; Q = R = B in a batch) -> scalar.
    | OnSimilarities of (Pairs -> Tensor -> Tensor)
    /// The same, plus a shorter way to the same value from the embeddings B D and labels (see `Mining.all`) of a whole batch, for losses that use few of its similarities.
    | OnFewSimilarities of ofPairs: (Pairs -> Tensor -> Tensor) * ofBatch: (Tensor -> Tensor -> Tensor)
    /// The same, but the references must be the queries themselves: the images of one batch.
    | OnBatch of (Pairs -> Tensor -> Tensor)
    /// Like OnSimilarities, with parameters of its own.
    | OnSimilaritiesLearned of Layer<Pairs * Tensor, Tensor>
    /// Needs the embeddings themselves: (embeddings B D of any length, labels as of `Mining.all`) -> scalar.
    | OnEmbeddings of Layer<Tensor * Tensor, Tensor>
    /// Compares images with learned proxies, some of each class: (embeddings B D, labels B in 0..classes-1) -> scalar.
    | OnProxies of perClass: int * Layer<Tensor * Tensor, Tensor>
    /// A weighted sum: weights, names for the parameters, and losses.
    | Sum of (float * string * Loss) list

module Loss =
    let private sumOf (parts: (float * string * Layer<'In, Tensor>) list) : Layer<'In, Tensor> =
        let weighted = [ for weight, name, layer in parts -> weight, Layer.named name layer ]

        Layer.create
            [ for _, layer in weighted do
                  yield! layer.Specs ]
            (fun env input ->
                weighted
                |> List.map (fun (weight, layer) -> weight * layer.Forward env input)
                |> List.reduce (fun a b -> a + b))

    /// Why a loss cannot work from similarities alone, such as those of a conditional level or a memory; None if it can.
    let rec notForLevels loss =
        match loss with
        | OnSimilarities _
        | OnFewSimilarities _
        | OnBatch _
        | OnSimilaritiesLearned _ -> None
        | OnEmbeddings _ -> Some "works on the embeddings themselves"
        | OnProxies _ -> Some "compares images with proxies"
        | Sum parts -> parts |> List.tryPick (fun (_, _, part) -> notForLevels part)

    /// Why a loss cannot compare a batch with a memory; None if it can.
    let rec notForMemory loss =
        match loss with
        | OnBatch _ -> Some "compares images of one batch only"
        | Sum parts -> parts |> List.tryPick (fun (_, _, part) -> notForMemory part)
        | _ -> notForLevels loss

    /// The proxies of each class, the most of a sum's; 0 for a loss without proxies.
    let rec proxiesPerClass loss =
        match loss with
        | OnProxies(perClass, _) -> perClass
        | Sum parts -> parts |> List.map (fun (_, _, part) -> proxiesPerClass part) |> List.max
        | _ -> 0

    /// Whether a loss compares images with proxies and does nothing else.
    let rec isOnProxies loss =
        match loss with
        | OnProxies _ -> true
        | Sum parts -> parts |> List.forall (fun (_, _, part) -> isOnProxies part)
        | _ -> false

    /// Q: the class of each query. ArgumentException where classes did not make the pairs.
    let classesOf (pairs: Pairs) =
        match pairs.Labels with
        | Some labels -> labels
        | None ->
            invalidArg
                (nameof pairs)
                "A loss that learns something of each class needs class numbers, and these are marks of pairs: give class numbers, or take a loss that compares pairs alone."

    /// The same loss, which refuses pairs that do not all weigh the same: ArgumentException with its name.
    let rec unweighted name loss =
        let refuse (pairs: Pairs) =
            if pairs.Weights.IsSome then
                invalidArg
                    (nameof pairs)
                    $"The loss '{name}' counts every pair alike, and these marks have other sizes than 1, which weigh them: round them to -1, 0 and 1, or take a loss that takes weights, such as contrastive."

        let onPairs loss (pairs: Pairs) (s: Tensor) : Tensor =
            refuse pairs
            loss pairs s

        let onLabels loss (embeddings: Tensor) (labels: Tensor) : Tensor =
            if labels.dim () = 2L then refuse (all labels)
            loss embeddings labels

        match loss with
        | OnSimilarities f -> OnSimilarities(onPairs f)
        | OnBatch f -> OnBatch(onPairs f)
        | OnFewSimilarities(f, ofBatch) -> OnFewSimilarities(onPairs f, onLabels ofBatch)
        | OnSimilaritiesLearned layer ->
            OnSimilaritiesLearned(
                Layer.create layer.Specs (fun env (pairs, s) -> onPairs (fun pairs s -> layer.Forward env (pairs, s)) pairs s)
            )
        | OnEmbeddings layer ->
            OnEmbeddings(
                Layer.create layer.Specs (fun env (e, labels) -> onLabels (fun e labels -> layer.Forward env (e, labels)) e labels)
            )
        | OnProxies _
        | Sum _ -> loss

    /// A loss on the pairs that a miner keeps; some miners need the references to be the batch.
    let mined (miner: Miners.Chosen) (loss: Pairs -> Tensor -> Tensor) =
        let onMined pairs s = loss (asPairs pairs (miner.Mine pairs s)) s
        if miner.NeedsBatch then OnBatch onMined else OnSimilarities onMined

    /// The same loss, for which the references must be the queries themselves.
    let internal ofBatch loss =
        match loss with
        | OnSimilarities f -> OnBatch f
        | other -> other

    /// The settings `miner` and `reducer`, which go after a loss's own settings: from a function of a reducer to the loss on the pairs that the miner keeps.
    let stages reducer : Declared<(Reducers.Reducer -> Pairs -> Tensor -> Tensor) -> Loss> =
        Part.declare {
            let! miner = Miners.setting [] "all" "chooses pairs"
            and! reduce = Reducers.setting reducer
            return fun loss -> mined miner (loss reduce)
        }

    /// The same with the setting `score`. Any score but the cosine is of the embeddings at their own length, so such a loss works on these; of the miners, only those that
    /// compare similarities of any kind go with it: ArgumentException.
    let scored (score: Scores.Chosen) (miner: Miners.Chosen) loss =
        if not score.IsCosine && miner.Name <> "all" && miner.Name <> "multi-similarity" then
            raise (
                System.ArgumentException
                    $"the score {score.Name} goes with the miners all and multi-similarity; '{miner.Name}' compares distances of unit vectors, which only the score cosine has"
            )

        match loss with
        | _ when score.IsCosine -> loss
        | OnSimilarities f
        | OnFewSimilarities(f, _)
        | OnBatch f -> OnEmbeddings(Layer.lift (fun (embeddings, labels) -> f (all labels) (score.Of embeddings)))
        | other -> other

    /// `stages` with a score, which is given too.
    let scoredStages reducer : Declared<Scores.Chosen * ((Reducers.Reducer -> Pairs -> Tensor -> Tensor) -> Loss)> =
        Part.declare {
            let! miner = Miners.setting [] "all" "chooses pairs"
            and! reduce = Reducers.setting reducer
            and! score = Scores.setting
            return score, fun loss -> scored score miner (mined miner (loss reduce))
        }

    /// (Q R pairs, similarities Q R) -> scalar. ArgumentException for a loss that needs more.
    let rec onSimilarities loss : Layer<Pairs * Tensor, Tensor> =
        match loss with
        | OnSimilarities f
        | OnFewSimilarities(f, _)
        | OnBatch f -> Layer.lift (fun (pairs, s) -> f pairs s)
        | OnSimilaritiesLearned layer -> layer
        | Sum parts -> sumOf [ for weight, name, part in parts -> weight, name, onSimilarities part ]
        | OnEmbeddings _
        | OnProxies _ ->
            invalidArg
                (nameof loss)
                $"A loss that {(notForLevels loss).Value} cannot score similarities: give the levels and the memory a loss on similarities."

    /// Refuses a batch of none, and embeddings and labels of different numbers of images.
    let private demandLabels (embeddings: Tensor) (labels: Tensor) =
        if embeddings.dim () = 2L && embeddings.shape[0] = 0L then
            invalidArg
                (nameof embeddings)
                $"There are no embeddings, {shapeText embeddings.shape}, and so nothing to compare: give those of a batch."

        if embeddings.dim () = 2L && labels.dim () > 0L && labels.shape[0] <> embeddings.shape[0] then
            invalidArg
                (nameof labels)
                $"There are {embeddings.shape[0]} embeddings, {shapeText embeddings.shape}, and the labels are {shapeText labels.shape}: each embedding needs one."

    /// B of any whole type, such as F#'s int -> B of int64, which numbers of classes are looked up by; marks of pairs as they are.
    let private classNumbers (labels: Tensor) =
        if labels.dim () = 1L && labels.is_integral () && labels.dtype <> int64' then labels.``to`` int64' else labels

    let private demanding (layer: Layer<Tensor * Tensor, Tensor>) : Layer<Tensor * Tensor, Tensor> =
        Layer.create layer.Specs (fun env (embeddings, labels) ->
            demandLabels embeddings labels
            layer.Forward env (embeddings, classNumbers labels))

    /// (embeddings B D, labels B or B B marks of pairs) -> scalar: any loss; one that compares images gets all pairs of the batch (`Mining.all`) and their cosines.
    let rec onEmbeddings loss : Layer<Tensor * Tensor, Tensor> = demanding (ofEmbeddings loss)

    and private ofEmbeddings loss =
        match loss with
        | OnSimilarities _
        | OnBatch _
        | OnSimilaritiesLearned _ ->
            Layer.lift (fun (embeddings, labels) -> all labels, Similarity.cosine embeddings)
            --> onSimilarities loss
        | OnFewSimilarities(_, ofBatch) -> Layer.lift (fun (embeddings, labels) -> ofBatch embeddings labels)
        | OnEmbeddings layer
        | OnProxies(_, layer) -> layer
        | Sum parts -> sumOf [ for weight, name, part in parts -> weight, name, onEmbeddings part ]

    /// Whether a loss compares images with the proxies of another one: it declares no others.
    let sharesProxies loss other =
        let known = (onEmbeddings other).Specs

        isOnProxies loss && (onEmbeddings loss).Specs |> List.forall (fun spec -> List.contains spec known)

/// Sums over marked entries, finite and with finite gradients even if nothing is marked.
module Masked =
    /// Q N, which is written over -> Q: log of the sum over a row of exp x, plus exp 0 = 1 if asked for. The same as torch's, with a cheaper gradient.
    let private logTotal withOne (x: Tensor) =
        let greatest = x.detach().amax([| 1L |], keepdim = true)
        let greatest = if withOne then greatest.clamp_min_ (scalar 0.0) else greatest
        let total = x.sub_(greatest).exp_().sum(1L, keepdim = true)
        let total = if withOne then total + greatest.neg().exp_() else total
        (total.log () + greatest).squeeze 1L

    let private marked (mask: Tensor) (x: Tensor) (fill: float) = x.masked_fill (mask.logical_not (), scalar fill)

    /// Q N of bool, Q N -> Q: the sum of the marked entries of each row.
    let rowSum (mask: Tensor) (x: Tensor) = torch.where(mask, x, zeroLike x).sum 1L

    /// Q N of bool, Q N -> Q: log of the sum over the marked of exp x; -1e30 for a row without marks: finite, because otherwise its gradient would be NaN.
    let logSumExp (mask: Tensor) (x: Tensor) = logTotal false (marked mask x -1e30)

    /// Q N of bool, Q N -> Q: log(1 + sum over the marked of exp x); 0 for a row without marks.
    let logOnePlusSumExp (mask: Tensor) (x: Tensor) = logTotal true (marked mask x -infinity)

    /// Q N of bool -> Q of bool: rows with at least one mark.
    let anyInRow (mask: Tensor) = mask.any 1L

/// The weights of pairs in a loss; nothing changes where all pairs count alike.
module Weighted =
    /// Q R, a term of each pair -> the same times its weight.
    let terms (pairs: Pairs) (x: Tensor) = pairs.Weights |> Option.fold (fun (x: Tensor) weights -> x * weights.``to`` x.dtype) x

    /// Q R, an exponent of each pair -> the same plus the logarithm of its weight: in a sum of exponentials each one then counts by its weight.
    let exponents (pairs: Pairs) (x: Tensor) =
        pairs.Weights |> Option.fold (fun (x: Tensor) weights -> x + (weights.``to`` x.dtype).log()) x

    /// Q R of bool, dtype -> Q: how many pairs a row has, each by its weight.
    let count (pairs: Pairs) (mask: Tensor) (dtype: torch.ScalarType) =
        match pairs.Weights with
        | None -> mask.sum (1L, ``type`` = dtype)
        | Some weights -> Masked.rowSum mask (weights.``to`` dtype)
