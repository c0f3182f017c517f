/// Small files of formats that this program cannot write otherwise, and sums that fit again after a change, so that what is behind them is reached.
module CondEmbed.Fuzz.Formats

open System
open System.Buffers.Binary
open System.IO
open System.IO.Compression
open System.Security.Cryptography
open System.Text

let private little (value: int) = BitConverter.GetBytes value
let private short (value: int) = BitConverter.GetBytes(uint16 value)
let private ascii (text: string) = Encoding.ASCII.GetBytes text

/// A Windows bitmap: rows are a multiple of four bytes long.
let bmp width height bits (palette: byte array) (rows: byte array) =
    let start = 54 + palette.Length

    Array.concat
        [ ascii "BM"
          little (start + rows.Length)
          little 0
          little start
          little 40
          little width
          little height
          short 1
          short bits
          little 0
          little rows.Length
          little 2835
          little 2835
          little 0
          little 0
          palette
          rows ]

/// A GIF of four colours, of which the last is transparent. Each pixel's code follows a clear code, so that all codes have three bits.
let gif width height (pixels: int array) =
    let codes = Array.append (pixels |> Array.collect (fun pixel -> [| 4; pixel |])) [| 5 |]
    let data = Array.zeroCreate<byte>((codes.Length * 3 + 7) / 8)

    for at, code in Seq.indexed codes do
        for bit in 0..2 do
            let place = at * 3 + bit
            if code >>> bit &&& 1 = 1 then data[place / 8] <- data[place / 8] ||| (1uy <<< place % 8)

    Array.concat
        [ ascii "GIF89a"
          short width
          short height
          [| 0x81uy; 0uy; 0uy |]
          [| for value in 0..11 -> byte (value * 20) |]
          [| 0x21uy; 0xF9uy; 4uy; 1uy; 0uy; 0uy; 3uy; 0uy |]
          [| 0x2Cuy |]
          short 0
          short 0
          short width
          short height
          [| 0uy; 2uy |]
          data
          |> Array.chunkBySize 255
          |> Array.collect (fun block -> Array.append [| byte block.Length |] block)
          [| 0uy; 0x3Buy |] ]

/// Exif data that names an orientation.
let exif orientation =
    Array.concat [ ascii "II*\000"; little 8; short 1; short 0x112; short 3; little 1; short orientation; short 0; little 0 ]

let private big32 (value: uint32) =
    let bytes = Array.zeroCreate<byte> 4
    BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(), value)
    bytes

/// CRC-32, the sum of PNG's chunks.
let private crc (bytes: ReadOnlySpan<byte>) =
    let mutable sum = UInt32.MaxValue

    for at in 0 .. bytes.Length - 1 do
        sum <- sum ^^^ uint32 bytes[at]

        for _ in 1..8 do
            sum <- (sum >>> 1) ^^^ (if sum &&& 1u = 1u then 0xEDB88320u else 0u)

    ~~~sum

let private chunk kind (data: byte array) =
    let named = Array.append (ascii kind) data
    Array.concat [ big32 (uint32 data.Length); named; big32 (crc (ReadOnlySpan named)) ]

/// A JPEG file with Exif data, and a PNG file likewise.
let jpegWithExif (jpeg: byte array) =
    let data = Array.append (ascii "Exif\000\000") (exif 6)
    Array.concat [ jpeg[..1]; [| 0xFFuy; 0xE1uy; 0uy; byte (data.Length + 2) |]; data; jpeg[2..] ]

let pngWithExif (png: byte array) = Array.concat [ png[..32]; chunk "eXIf" (exif 3); png[33..] ]

/// A PNG file whose chunks have sums that fit.
let signedPng (png: byte array) =
    let png = Array.copy png

    let rec go at =
        if at + 12 <= png.Length then
            let length = int64 (BinaryPrimitives.ReadUInt32BigEndian(ReadOnlySpan(png, at, 4)))

            if int64 at + 12L + length <= int64 png.Length then
                let stop = at + 8 + int length
                BinaryPrimitives.WriteUInt32BigEndian(png.AsSpan stop, crc (ReadOnlySpan(png, at + 4, int length + 4)))
                go (stop + 4)

    go 8
    png

/// An index whose header, embeddings and texts have sums that fit; what has no sum of its own is left alone.
let signedIndex (index: byte array) =
    let index = Array.copy index

    if index.Length >= 4096 then
        let number at = BitConverter.ToInt64(index, at)
        let embeddings = 4L * number 16 * int64 (BitConverter.ToInt32(index, 12))
        let texts = int64 index.Length - number 24

        let isWithin =
            embeddings >= 0L
            && embeddings <= int64 index.Length - 4096L
            && texts >= 4096L
            && texts <= int64 index.Length

        if isWithin then
            SHA256.HashData(index.AsSpan(4096, int embeddings), index.AsSpan 32) |> ignore
            SHA256.HashData(index.AsSpan(int texts), index.AsSpan 64) |> ignore

        SHA256.HashData(index.AsSpan(0, 4064), index.AsSpan 4064) |> ignore

    index

/// A safetensors file of a header and data.
let safetensors (data: byte array) (header: byte array) = Array.concat [ BitConverter.GetBytes(int64 header.Length); header; data ]

/// The header and the data of a safetensors file.
let parts (file: byte array) =
    let length = int (BitConverter.ToInt64(file, 0))
    file[8 .. 7 + length], file[8 + length ..]

/// A zip file with one entry's bytes replaced.
let rezipped (zip: byte array) name (bytes: byte array) =
    use made = new MemoryStream()

    do
        use old = new ZipArchive(new MemoryStream(zip))
        use fresh = new ZipArchive(made, ZipArchiveMode.Create, true)

        for entry in old.Entries do
            use from = entry.Open()
            use into = fresh.CreateEntry(entry.FullName, CompressionLevel.NoCompression).Open()
            if entry.FullName = name then into.Write bytes else from.CopyTo into

    made.ToArray()

/// The name of the one entry that ends so, and its bytes.
let entry (zip: byte array) (ending: string) =
    use archive = new ZipArchive(new MemoryStream(zip))
    let found = archive.Entries |> Seq.find _.FullName.EndsWith(ending)
    use bytes = new MemoryStream()
    found.Open().CopyTo bytes
    found.FullName, bytes.ToArray()

/// A Parquet file of pages and another footer.
let withFooter (file: byte array) (footer: byte array) =
    let length = BitConverter.ToInt32(file, file.Length - 8)
    Array.concat [ file[.. file.Length - 9 - length]; footer; little footer.Length; ascii "PAR1" ]

let footer (file: byte array) = file[file.Length - 8 - BitConverter.ToInt32(file, file.Length - 8) .. file.Length - 9]

/// MAT-files of level 5: elements, matrices, and files of them.
module Mat =
    let element kind (data: byte array) = Array.concat [ little kind; little data.Length; data; Array.zeroCreate (-data.Length &&& 7) ]

    let private matrix kind rows columns name body =
        element
            14
            (Array.concat
                [ element 6 (Array.append (little kind) (little 0))
                  element 5 (Array.append (little rows) (little columns))
                  element 1 (ascii name)
                  body ])

    let number (value: float) = matrix 6 1 1 "" (element 9 (BitConverter.GetBytes value))
    let text (value: string) = matrix 4 1 value.Length "" (element 16 (ascii value))
    let cells name (values: byte array list) = matrix 1 1 values.Length name (Array.concat values)

    let structs name (fields: string list) (values: byte array list) =
        let names = fields |> List.map (fun field -> ascii (field.PadRight(16, '\000'))) |> Array.concat
        matrix 2 1 (values.Length / fields.Length) name (Array.concat [ element 5 (little 16); element 1 names; Array.concat values ])

    let file (elements: byte array) =
        Array.concat [ ascii ("MATLAB 5.0 MAT-file".PadRight 116); Array.zeroCreate 8; [| 0uy; 1uy |]; ascii "IM"; elements ]

    /// A file with the elements packed into one.
    let packed (elements: byte array) =
        use bytes = new MemoryStream()

        do
            use packing = new ZLibStream(bytes, CompressionLevel.Optimal, true)
            packing.Write elements

        let data = bytes.ToArray()
        file (Array.concat [ little 15; little data.Length; data ])
