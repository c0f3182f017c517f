/// Small folders that look as published sets do, made by the tests.
module CondEmbed.Tests.PublishedSupport

open System.IO
open CondEmbed.Images
open CondEmbed.Datasets
open CondEmbed.Tests.MatSupport

/// An image of 16 x 12 pixels that no other number gives; PNG or JPEG by its name.
let drawImage (path: string) number =
    Directory.CreateDirectory(string (Path.GetDirectoryName path)) |> ignore
    let image = RgbImage(16, 12, Rgb(byte number, byte (number / 256), byte (number * 37)))
    File.WriteAllBytes(path, (if path.EndsWith ".png" then ImageEncoder.Png image else ImageEncoder.Jpeg image))

let draw (root: string) (paths: string seq) =
    for number, path in Seq.indexed paths do
        drawImage (Path.Combine(root, path)) number

let write (root: string) (name: string) (lines: string seq) =
    let path = Path.Combine(root, name)
    Directory.CreateDirectory(string (Path.GetDirectoryName path)) |> ignore
    File.WriteAllLines(path, lines)

let writeBytes (root: string) (name: string) (bytes: byte array) =
    let path = Path.Combine(root, name)
    Directory.CreateDirectory(string (Path.GetDirectoryName path)) |> ignore
    File.WriteAllBytes(path, bytes)

let subset = DatasetOptions(AllowSubset = true)

let withBoxes = DatasetOptions(AllowSubset = true, Boxes = true)

let opened (options: DatasetOptions) (path: string) = ImageDatasets.Open(path, options)

let shown (dataset: IImageDataset) = [ for item in dataset.Items -> item.Path, item.Label, item.Role ]

let boxesOf (dataset: IImageDataset) = [ for item in dataset.Items -> if item.Box.HasValue then Some item.Box.Value else None ]

/// CUB-200-2011 with some of its classes, two images each, and its ids in no order.
let cub (root: string) (classes: int list) =
    let images =
        [ for number in classes do
              for image in 1..2 -> $"{number * 10 + image}", number, $"%03d{number}.Bird_%d{number}/%d{number}_{image}.jpg" ]

    write root "images.txt" [ for id, _, path in images -> $"{id} {path}" ]
    write root "image_class_labels.txt" [ for id, number, _ in List.rev images -> $"{id} {number}" ]
    write root "classes.txt" [ for number in classes -> $"{number} %03d{number}.Bird_%d{number}" ]
    write root "bounding_boxes.txt" [ for id, _, _ in images -> $"{id} 2.0 3.0 8.0 30.0" ]
    draw root [ for _, _, path in images -> "images/" + path ]

/// Images of CARS196: file, class, and corners that count from 1.
let private carsStruct fileField (rows: (string * int) list) =
    Struct(
        [ "bbox_x1"; "bbox_y1"; "bbox_x2"; "bbox_y2"; "class"; fileField ],
        [ for file, label in rows -> [ number 2; number 3; number 9; number 30; number label; text file ] ]
    )

let carsNames = [ for number in 1..196 -> if number <= 98 then $"Acura %03d{number} 2007" else $"FIAT %03d{number} 2012" ]

let private namesCell = Cell [ for name in carsNames -> Letters(name, 4) ]

/// The form with one list.
let carsOneList (root: string) (rows: (string * int) list) =
    let rows = [ for file, label in rows -> "car_ims/" + file, label ]

    file { plain with Compressed = true } [ "annotations", carsStruct "relative_im_path" rows; "class_names", namesCell ]
    |> writeBytes root "cars_annos.mat"

/// The form with a devkit; the labels of the test part lie where they are told.
let carsDevkit (root: string) testList (train: (string * int) list) (test: (string * int) list) =
    let write name rows = writeBytes root name (file { plain with Compressed = true } [ "annotations", carsStruct "fname" rows ])
    write "devkit/cars_train_annos.mat" train
    write testList test
    writeBytes root "devkit/cars_meta.mat" (file plain [ "class_names", namesCell ])

/// Rows of CARS196 as many as are published in each half, all of whose classes occur.
let carsWhole =
    [ for at in 0..8053 -> $"%05d{at}.jpg", at % 98 + 1
      for at in 0..8130 -> $"1%05d{at}.jpg", at % 98 + 99 ]
