/// Pairs of images after training: how similar they are on every level, and where each level looks.
module CondEmbed.Comparison

open TorchSharp

/// What is computed once per image for N images, so that an image in many pairs goes through the encoder once.
type Known =
    {
        /// N D, of any length.
        Embeddings: Tensor
        /// N C: what asks, if it is not the embedding.
        Asking: Tensor option
        /// The keys and values of each level: N H T D/H.
        KeysAndValues: Attention.KeysAndValues list
        /// Rows and columns of the map that each level reads; their product is T.
        Grids: (int64 * int64) list
    }

/// Compares pairs of images after training, in steps, so that many pairs can share what is known of an image.
type Comparison =
    {
        /// N images -> what is known of them.
        Know: Layer<Tensor, Known>
        /// (what is known, first and second of E pairs, int64) -> L+1 E: s^0, the cosine of the unconditional embeddings, and s^1 ... s^L, as in training.
        Similarities: Layer<Known * Tensor * Tensor, Tensor>
        /// The same -> 2 E H T per level: where in the first image of each pair the second one looks, and then vice versa.
        Attention: Layer<Known * Tensor * Tensor, Tensor list>
        /// Of encoder, head and levels.
        Specs: ParamSpec list
    }

/// (embeddings N D, first and second of E pairs) -> E cosines.
let private cosines (embeddings: Tensor) (first: Tensor) (second: Tensor) =
    let unit = Layers.l2Normalise embeddings
    (unit.index_select (0L, first) * unit.index_select (0L, second)).sum -1L

let private asking known = defaultArg known.Asking known.Embeddings

/// Compares pairs with the levels of a network. Its parameters are under `hierarchy` and the network's own names, as in its objective.
let ofNetwork (network: Network) (hierarchy: Hierarchy.Options) : Comparison =
    let inHierarchy layer = Layer.named "hierarchy" layer
    let views = Hierarchy.viewsOf network hierarchy
    let keysAndValues = inHierarchy (Hierarchy.keysAndValues hierarchy)
    let conditional, attention = inHierarchy (Hierarchy.conditional hierarchy), inHierarchy (Hierarchy.attention hierarchy)

    let know env images =
        let features = network.Features.Forward env images
        let embeddings = network.Head.Forward env features
        let views = views env features embeddings
        let maps = if hierarchy.Stages.IsEmpty then List.replicate hierarchy.Levels views.Maps.Head else views.Maps

        { Embeddings = embeddings
          Asking = Hierarchy.asking env.Team hierarchy views
          KeysAndValues = keysAndValues.Forward env views
          Grids = [ for map in List.truncate hierarchy.Levels maps -> map.shape[2], map.shape[3] ] }

    let similarities env (known, first, second) =
        let pairing = Pairing.Chosen(first, second)

        let levels =
            conditional.Forward env (pairing, known.KeysAndValues, asking known)
            |> List.map (Hierarchy.similarity hierarchy pairing known.Embeddings)

        torch.stack (cosines known.Embeddings first second :: levels |> List.toArray, 0L)

    let ofPairs env (known, first, second) =
        attention.Forward env (Pairing.Chosen(first, second), known.KeysAndValues, asking known)
        |> List.map _.squeeze(2L)

    { Know = Layer.create (network.Specs @ keysAndValues.Specs) know
      Similarities = Layer.create conditional.Specs similarities
      Attention = Layer.create attention.Specs ofPairs
      Specs = network.Specs @ Layer.below "hierarchy" (Hierarchy.specs hierarchy) }

/// (what is known, the attention of E pairs) -> 2 E h w per level: the mean of the heads on the grid of the level's map.
let onGrids (known: Known) (attention: Tensor list) : Tensor list =
    [ for (rows, columns), weights in List.zip known.Grids attention -> weights.mean([| 1L |]).unflatten(1L, [| rows; columns |]) ]

/// N images, first and second of E pairs -> 2E h w per level.
let private looks parameters (compared: Comparison) images (first: int64 array) (second: int64 array) =
    let device = (images: Tensor).device
    let known = Layer.run parameters compared.Know images
    let numbers (items: int64 array) = torch.tensor (items, device = device)
    onGrids known (Layer.run parameters compared.Attention (known, numbers first, numbers second))

/// Two pictures, H W 3 bytes each -> 2 h w per level: where the first is looked at in the light of the second, and then where the second is in the light of the first. Each map has the sum 1.
let attentionOfTwo parameters compared (first: Tensor) (second: Tensor) : Tensor list =
    if first.shape <> second.shape then
        invalidArg (nameof second) $"The pictures are {shapeText first.shape} and {shapeText second.shape}: bring both to one size first."

    looks parameters compared (torch.stack [| first; second |]) [| 0L |] [| 1L |]

/// B images -> B B h w per level: in row i and column j, where image i is looked at in the light of image j.
let attentionOfBatch parameters compared (images: Tensor) : Tensor list =
    let batch = images.shape[0]

    let first, second =
        [ for i in 0L .. batch - 1L do
              for j in 0L .. batch - 1L -> i, j ]
        |> List.unzip

    [ for maps in looks parameters compared images (List.toArray first) (List.toArray second) ->
          maps.narrow(0L, 0L, batch * batch).unflatten(0L, [| batch; batch |]) ]
