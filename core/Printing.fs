namespace CondEmbed

open System
open System.Globalization

/// A line of a tree: a leaf with its shape and what there is to say about it.
type internal PrintedLeaf = { Path: string list; Shape: int64 list; Note: string }

module internal PrintedTree =
    type private Node =
        | Leaf of name: string * PrintedLeaf
        | Inner of name: string * Node list

    let count (n: int64) = n.ToString("N0", CultureInfo.InvariantCulture)

    /// 'tensor' or 'tensors', and the like.
    let plural (n: int64) word = if n = 1L then $"1 {word}" else $"{count n} {word}s"

    /// Names with a single child are joined, so that each line says something.
    let private inner name children =
        match children with
        | [ Leaf(child, leaf) ] -> Leaf($"{name}.{child}", leaf)
        | [ Inner(child, below) ] -> Inner($"{name}.{child}", below)
        | _ -> Inner(name, children)

    /// Leaves that follow each other under one name stand together. A name that comes back after others stands there once more, so that all is in the order in which it was composed.
    let rec private grow (leaves: PrintedLeaf list) =
        let add (leaf: PrintedLeaf) groups =
            match groups with
            | (name, true, below) :: rest when name = leaf.Path.Head && not leaf.Path.Tail.IsEmpty -> (name, true, leaf :: below) :: rest
            | _ -> (leaf.Path.Head, not leaf.Path.Tail.IsEmpty, [ leaf ]) :: groups

        [ for name, isInner, below in List.foldBack add leaves [] do
              if isInner then
                  inner name (grow [ for leaf in below -> { leaf with Path = leaf.Path.Tail } ])
              else
                  Leaf(name, below.Head) ]

    let rec private total node =
        match node with
        | Leaf(_, leaf) -> numbersOf leaf.Shape
        | Inner(_, below) -> List.sumBy total below

    /// Name, shape, numbers and note of each line, down to a depth.
    let rec private rows depth indent node =
        let name own = String(' ', 2 * indent) + own

        match node with
        | Leaf(own, leaf) -> [ name own, shapeText leaf.Shape, count (total node), leaf.Note ]
        | Inner(own, below) ->
            (name own, "", count (total node), "")
            :: (if indent + 1 < depth then below |> List.collect (rows depth (indent + 1)) else [])

    let private mostLines = 60

    /// The tree as aligned columns: names, shapes, and how many numbers there are in each part. Of a tree of more than 60 lines only the upper levels.
    let text (leaves: PrintedLeaf list) =
        let roots = grow leaves
        let down depth = roots |> List.collect (rows depth 0)
        let all = down Int32.MaxValue

        let shown =
            if all.Length <= mostLines then
                all
            else
                Seq.initInfinite (fun i -> down (i + 1))
                |> Seq.pairwise
                |> Seq.pick (fun (now, next) -> if next.Length > mostLines then Some now else None)

        let width column = if shown.IsEmpty then 0 else shown |> List.map (column >> String.length) |> List.max
        let names, shapes = width (fun (name, _, _, _) -> name), width (fun (_, shape, _, _) -> shape)
        let counts = width (fun (_, _, count, _) -> count)

        [ for name, shape, count, note in shown do
              ("  "
               + name.PadRight names
               + "  "
               + shape.PadRight shapes
               + "  "
               + count.PadLeft counts
               + "  "
               + note)
                  .TrimEnd()
          if shown.Length < all.Length then $"  ({all.Length - shown.Length} lines below these are not shown)" ]

/// Short descriptions of tensors.
module Show =
    let private most = 6

    let private number (x: float) = x.ToString("G4", CultureInfo.InvariantCulture)

    let private holdsNumbers (x: Tensor) = x.device_type <> TorchSharp.DeviceType.META && x.numel () > 0L && not (x.is_complex ())

    let private spread (x: Tensor) =
        let x = x.``to`` (TorchSharp.torch.float64, TorchSharp.torch.CPU)
        $"min {number (toFloat (x.min ()))}  mean {number (toFloat (x.mean ()))}  max {number (toFloat (x.max ()))}"

    /// Any shape -> one line: shape, type, device, the first numbers, and the minimum, mean and maximum. Meant for `fsi.AddPrinter`.
    let tensor (x: Tensor) =
        if isNull (box x) || x.IsInvalid then
            "tensor, disposed"
        else
            scoped (fun () ->
                withoutGradient (fun () ->
                    let x = x.detach ()
                    let head = $"{shapeText x.shape} {x.dtype} on {x.device}"

                    if not (holdsNumbers x) then
                        head
                    else
                        let first = x.flatten().narrow(0L, 0L, min (int64 most) (x.numel ()))
                        let numbers = [ for place in 0L .. first.numel () - 1L -> number (toFloat first[place]) ] |> String.concat " "
                        let rest = if x.numel () > int64 most then " ..." else ""
                        let spread = if x.numel () > 1L then $"  {spread x}" else ""
                        $"{head}: {numbers}{rest}{spread}"))
