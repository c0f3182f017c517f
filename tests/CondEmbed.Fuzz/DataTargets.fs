/// Images, data sets, and tables of embeddings.
module CondEmbed.Fuzz.DataTargets

open System
open System.IO
open CondEmbed.Datasets
open CondEmbed.Evaluation
open CondEmbed.Images
open CondEmbed.Interchange
open CondEmbed.Search
open CondEmbed.WeightFiles
open CondEmbed.Fuzz.Formats
open CondEmbed.Fuzz.Target
open SkiaSharp

let private picture width height = RgbImage(width, height, [| for at in 0 .. width * height * 3 - 1 -> byte (at * at / 7 + at * 13) |])

let private webp (image: RgbImage) quality =
    use bitmap = new SKBitmap(image.Width, image.Height)

    for at in 0 .. image.Width * image.Height - 1 do
        let value place = image.Pixels[3 * at + place]
        bitmap.SetPixel(at % image.Width, at / image.Width, SKColor(value 0, value 1, value 2, value 0))

    bitmap.Encode(SKEncodedImageFormat.Webp, quality).ToArray()

/// Images of up to four megapixels, so that a larger one taken into memory is noticed.
let private decode (path: string) =
    let file = File.ReadAllBytes path
    let white = SkiaDecoder(4_000_000L, Background = Nullable(Rgb(255uy, 255uy, 255uy)))

    let source =
        { new IImageSource with
            member _.Count = 1
            member _.NameOf _ = "image"
            member _.Read _ = file }

    let view (transform: IImageTransform) () =
        let mutable random = SeededRandom.For(1L, 2L, 3L)
        let pixels = Array.zeroCreate<byte>(16 * 16 * 3)
        ImageReader(source, SkiaDecoder 4_000_000L).View(0, transform, &random, pixels.AsSpan())

    all
        [ fun () -> SkiaDecoder(4_000_000L).Decode(file, "image") |> ignore
          fun () -> white.Decode(file, "image") |> ignore
          view (TrainTransform(Size = 16))
          view (EvalTransform(18, 16)) ]

let private image name seeds = ofFile name $"image.{name}" (fun _ -> seeds ()) decode

let private images =
    [ image "jpeg" (fun () ->
          let jpeg = ImageEncoder.Jpeg(picture 40 25)
          [ plain jpeg; plain (jpegWithExif jpeg); plain (ImageEncoder.Jpeg(picture 9 70, 30)) ])
      image "png" (fun () ->
          let png = ImageEncoder.Png(picture 23 17)
          [ plain png; dressed signedPng png; dressed signedPng (pngWithExif png) ])
      image "webp" (fun () -> [ plain (webp (picture 20 30) 80); plain (webp (picture 20 30) 100) ])
      image "gif" (fun () -> [ plain (gif 9 7 [| for at in 0..62 -> at * at % 4 |]) ])
      image "bmp" (fun () ->
          let rows count = [| for at in 1..count -> byte (at * 31) |]

          [ plain (bmp 7 5 24 [||] (rows 120))
            plain (bmp 6 5 16 [||] (rows 60))
            plain (bmp 8 5 8 (rows 1024) (rows 40)) ]) ]

/// A set of images whose list is the input; the images themselves are empty files.
let private set name file (others: (string * string) list) seeds =
    { Name = name
      Prepare =
        fun folder ->
            for other, text in others do
                writeText folder $"data/{other}" text

            Path.Combine(folder, "data", file), seeds
      Read =
        fun path ->
            let data = if name = "table" then path else string (Path.GetDirectoryName path)

            for boxes in [ false; true ] do
                ImageDatasets.Open(data, DatasetOptions(AllowSubset = true, Boxes = boxes)).Items |> Seq.iter ignore }

let private cars =
    let fields = [ "relative_im_path"; "class"; "bbox_x1"; "bbox_y1"; "bbox_x2"; "bbox_y2" ]

    let row at =
        [ Mat.text $"car_ims/{at}.jpg"
          Mat.number (float at)
          Mat.number 3
          Mat.number 4
          Mat.number 50
          Mat.number 60 ]

    Array.append (Mat.structs "annotations" fields (row 1 @ row 150)) (Mat.cells "class_names" [ Mat.text "AM"; Mat.text "smart" ])

let private sets =
    let birds =
        [ "images/a/1.jpg", ""
          "images/b/2.jpg", ""
          "classes.txt", "1 a\n101 b\n"
          "bounding_boxes.txt", "1 1.0 2.0 30.0 40.0\n2 1.0 2.0 30.0 40.0\n" ]

    let paths, labels = "1 a/1.jpg\n2 b/2.jpg\n", "1 1\n2 101\n"

    [ set
          "table"
          "table.csv"
          [ "a/1.jpg", ""; "b/2.jpg", "" ]
          [ ofText "path,label,split,x,y,w,h\na/1.jpg,a,train,1,2,30,40\n\"b/2.jpg\",\"b, c\",validation,,,,\n"
            ofText
                "path;label;split;is_query;is_gallery;category;x_1;y_1;x_2;y_2\na/1.jpg;1;validation;true;false;x;1;2;3.0;4\nb/2.jpg;2;train;;;;1;2;3;4\n" ]
      set "cub.images" "images.txt" (("image_class_labels.txt", labels) :: birds) [ ofText paths ]
      set "cub.labels" "image_class_labels.txt" (("images.txt", paths) :: birds) [ ofText labels ]
      set
          "products"
          "Ebay_train.txt"
          [ "bicycle_final/1.jpg", ""; "chair_final/2.jpg", "" ]
          [ ofText "image_id class_id super_class_id path\n1 1 1 bicycle_final/1.jpg\n2 2 1 chair_final/2.jpg\n" ]
      set
          "in-shop"
          "list_eval_partition.txt"
          [ "img/WOMEN/Dresses/id_1/1.jpg", ""
            "list_bbox_inshop.txt", "1\nh\nimg/WOMEN/Dresses/id_1/1.jpg 1 1 2 3 40 50\n" ]
          [ ofText "1\nimage_name item_id evaluation_status\nimg/WOMEN/Dresses/id_1/1.jpg id_1 train\n" ]
      set
          "cars"
          "cars_annos.mat"
          [ "car_ims/1.jpg", ""; "car_ims/150.jpg", "" ]
          [ plain (Mat.file cars); dressed Mat.packed cars; dressed Mat.file cars ]
      { Name = "pairs"
        Prepare =
          fun folder ->
              for path in [ "images/a/1.jpg"; "images/a/2.jpg"; "images/b/3.jpg" ] do
                  writeText folder path ""

              Path.Combine(folder, "pairs.csv"), [ ofText "path_a,path_b,similar\na/1.jpg,a/2.jpg,1\na/1.jpg,b/3.jpg,no\n" ]
        Read =
          fun path ->
              let images = Path.Combine(string (Path.GetDirectoryName path), "images")
              let matched = ImageDatasets.Matched(ImageDatasets.Open images, DatasetOptions(LabelMatch = "none", Pairs = path))
              matched.Pairs.Alike |> Seq.iter ignore } ]

let private table =
    EmbeddingTable(
        [| for at in 0..23 -> float32 (at * at % 7) + 0.5f |],
        8,
        3,
        [| for at in 0..7 -> $"a/{at}.jpg" |],
        [| for at in 0..7 -> $"class {at / 2}" |]
    )

let private evaluate path =
    let byClass () =
        let read = LabelledEmbeddings.Read path
        if read.Count <= 500 && read.Dimension <= 500 then read.Evaluate(EvaluationOptions()) |> ignore

    // With the paths of the images, and labels only where there are some.
    let byPairs () =
        LabelledEmbeddings.Read(path, alike = DatasetOptions(LabelMatch = "none", Pairs = "pairs.csv"))
        |> ignore

    all [ byClass; byPairs ]

let private npy (array: NamedArray) folder = written folder (fun path -> (use stream = File.Create path in Npy.Write(stream, array)))

let private parquet folder =
    let bytes = written folder (fun path -> (use stream = File.Create path in EmbeddingParquetWriter.Write(stream, table)))
    [ plain bytes; dressed (withFooter bytes) (footer bytes) ]

let private shard folder =
    let header = ShardHeader(StoreNetwork("abc", 3), Shard(1, 1), String('0', 64))

    let bytes =
        written folder (fun path ->
            use stream = File.Create path
            use writer = new EmbeddingParquetWriter(stream, 3, true, true, true, header.Metadata)
            let column (format: int -> string) = ResizeArray(Seq.init 5 format)
            let ids = column (fun row -> ImageId.Of(ReadOnlySpan [| byte row |]))

            writer.Write(
                EmbeddingGroup(
                    ids,
                    column (fun row -> $"{row}.png"),
                    column (fun _ -> "class"),
                    ReadOnlyMemory [| for number in 1..15 -> float32 number |]
                )
            ))

    [ plain bytes; dressed (withFooter bytes) (footer bytes) ]

let private manifest (folder: string) =
    let header = ShardHeader(StoreNetwork("abc", 3), Shard(1, 1), String('0', 64))
    ShardManifest.Write(folder, header, 5L, struct (900L, String('0', 64)), readOnlyDict [ "size", "32" ])
    [ plain (File.ReadAllBytes(Path.Combine(folder, ShardManifest.Beside header.Shard.FileName))) ]

let private embeddings =
    let ofTable ending =
        ofFile
            $"embeddings.{ending}"
            $"x.{ending}"
            (fun folder ->
                [ plain (
                      written folder (fun path ->
                          EmbeddingFiles.Write(path + "." + ending, table)
                          File.Move(path + "." + ending, path))
                  ) ])
            evaluate

    let labels ending seeds = ofFile $"labels.{ending}" $"x.labels.{ending}" seeds (LabelFile.Read >> ignore)

    [ ofTable "csv"
      ofTable "jsonl"
      ofFile
          "embeddings.json"
          "x.json"
          (fun _ -> [ ofText """{"embeddings": [[1, 0.5], [0.25, -3e-2], [1, 1]], "labels": ["a", "a", 7]}""" ])
          evaluate
      ofFile "embeddings.parquet" "x.parquet" parquet evaluate
      { Name = "embeddings.npy"
        Prepare =
          fun folder ->
              writeText folder "x.labels.txt" "a\na\nb\nb\n"
              let values: float32 array = [| for at in 0..7 -> float32 at |]
              let array = NamedArray.Of("x", [| 4L; 2L |], ReadOnlySpan values)
              Path.Combine(folder, "x.npy"), [ plain (npy array folder) ]
        Read = evaluate }
      labels "txt" (fun _ -> [ ofText "first\nsecond\nfirst\n" ])
      labels "csv" (fun _ -> [ ofText "path,label\na.png,\"first, one\"\nb.png,second\n"; ofText "label\nfirst\n" ])
      labels "npy" (fun folder ->
          let whole, real = [| 1L; 2L; 2L |], [| 1.0; 2.0; 2.0 |]

          [ plain (npy (NamedArray.Of("x", [| 3L |], ReadOnlySpan whole)) folder)
            plain (npy (NamedArray.Of("x", [| 3L |], ReadOnlySpan real)) folder) ])
      ofFile "manifest" "manifest.json" manifest (fun path -> (ShardManifest.Read path).Header |> ignore)
      ofFile "shard" "part-00001-of-00001.parquet" shard (fun path -> EmbeddingShards.Open([| path |]).Items() |> Seq.iter ignore) ]

let targets = images @ sets @ embeddings
