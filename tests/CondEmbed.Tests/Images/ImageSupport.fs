/// Images, sources and slow twins for the image tests.
module CondEmbed.Tests.ImageSupport

open System
open System.IO
open CondEmbed.Images

let decoder = SkiaDecoder()

let goldenImage name = Support.golden (Path.Combine("images", name))

let decodeFile (path: string) = decoder.Decode(File.ReadAllBytes path, Path.GetFileName path)

/// Smooth waves with noise on top, so that neither filters nor colours have an easy time.
let randomImage seed width height =
    let random = Random(seed: int)

    let pixels =
        Array.init (width * height * 3) (fun i ->
            let x, y, c = i / 3 % width, i / 3 / width, i % 3
            let wave = 128.0 + 90.0 * sin (float (x * (c + 1)) / 5.0 + float y / 7.0)
            byte (Math.Clamp(wave + float (random.Next(-60, 60)), 0.0, 255.0)))

    RgbImage(width, height, pixels)

/// First difference of two images as text, if any.
let difference (actual: byte[]) (expected: byte[]) =
    if actual.AsSpan().SequenceEqual(ReadOnlySpan expected) then
        None
    elif actual.Length <> expected.Length then
        Some $"{actual.Length} bytes instead of {expected.Length}"
    else
        Seq.zip actual expected
        |> Seq.tryFindIndex (fun (a, e) -> a <> e)
        |> Option.map (fun i -> $"byte {i} is {actual[i]} instead of {expected[i]}")

let expectSame (actual: byte[]) (expected: byte[]) message = Expecto.Expect.isNone (difference actual expected) message

/// Images in memory, already encoded.
type MemorySource(files: (string * byte[])[]) =
    let mutable reads = 0
    member _.Reads = reads

    interface IImageSource with
        member _.Count = files.Length
        member _.NameOf index = fst files[index]

        member _.Read index =
            Threading.Interlocked.Increment &reads |> ignore
            snd files[index]

/// The resampler in plain loops over doubles and whole images, written from Pillow's description.
module Slow =
    let private kernel filter =
        match filter with
        | ResampleFilter.Bilinear -> 1.0, (fun x -> max 0.0 (1.0 - abs x))
        | _ ->
            2.0,
            fun x ->
                match abs x with
                | x when x < 1.0 -> (1.5 * x - 2.5) * x * x + 1.0
                | x when x < 2.0 -> (((x - 5.0) * x + 8.0) * x - 4.0) * -0.5
                | _ -> 0.0

    /// For every output: first input and the weights in units of 2^-22.
    let private taps filter inputs low high outputs =
        let radius, weight = kernel filter
        let scale = (high - low) / float (outputs: int)
        let stretch = max 1.0 scale

        Array.init outputs (fun i ->
            let centre = low + (float i + 0.5) * scale
            let first = max 0 (int (centre - radius * stretch + 0.5))
            let last = min inputs (int (centre + radius * stretch + 0.5))

            let raw = [| for x in first .. last - 1 -> weight ((float x - centre + 0.5) * (1.0 / stretch)) |]

            let total = Array.fold (+) 0.0 raw

            let whole w = int (w / total * 4194304.0 + (if w < 0.0 then -0.5 else 0.5))

            first, Array.map whole raw)

    let private line (first, weights: int[]) (value: int -> byte) =
        let mutable sum = 0

        for k in 0 .. weights.Length - 1 do
            sum <- sum + weights[k] * int (value (first + k))

        byte (Math.Clamp((sum + (1 <<< 21)) >>> 22, 0, 255))

    /// A box with fractional edges resized to width x height.
    let resizeBox (image: RgbImage) (left, top, right, bottom) width height filter =
        let across = taps filter image.Width left right width
        let down = taps filter image.Height top bottom height

        let between =
            Array3D.init image.Height width 3 (fun y x c -> line across[x] (fun k -> image.Pixels[(y * image.Width + k) * 3 + c]))

        let pixels =
            [| for y in 0 .. height - 1 do
                   for x in 0 .. width - 1 do
                       for c in 0..2 -> line down[y] (fun k -> between[k, x, c]) |]

        RgbImage(width, height, pixels)

    let resize (image: RgbImage) width height filter = resizeBox image (0.0, 0.0, float image.Width, float image.Height) width height filter

    /// A rectangle; black where it leaves the image.
    let crop (image: RgbImage) left top width height =
        let at x y c = if x < 0 || y < 0 || x >= image.Width || y >= image.Height then 0uy else image.Pixels[(y * image.Width + x) * 3 + c]

        RgbImage(
            width,
            height,
            [| for y in 0 .. height - 1 do
                   for x in 0 .. width - 1 do
                       for c in 0..2 -> at (left + x) (top + y) c |]
        )
