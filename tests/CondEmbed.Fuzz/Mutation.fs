/// Changes to inputs, as damage and malice make them. Everything follows from the source of chance.
module CondEmbed.Fuzz.Mutation

open System
open System.Text

/// Bytes that an input has at most.
let private longest = 1 <<< 20

let private split (text: string) = text.Split ' '

/// Numbers at the edges of their types, and a few within.
let private numbers =
    [| yield! split "0 1 -1 2 7 127 128 255 256 4096 32767 65535 65536 16777216" |> Array.map int64
       for bits in [ 31; 32; 40; 61; 63 ] do
           yield! [ (1L <<< bits) - 1L; 1L <<< bits ] |]

/// What a number or a value in a text may become.
let private words =
    split
        "0 -0 -1 1e999 1e-400 NaN Infinity 0.5 007 1_0 0x7f 255 65536 1000000 2147483647 2147483648 4294967296 9223372036854775807 9223372036854775808"
    |> Array.append (split """ null true {} [] [null] "" "NaN" "\ud800" """)
    |> Array.map Encoding.UTF8.GetBytes

let private oddities =
    [| yield! [ [| 0uy |]; [| 0xFFuy |]; [| 0xC3uy |]; [| 0xFEuy; 0xFFuy |] ]
       yield! split "\r \n \" ' , ; \t \\ud800 \uFEFF \u0301 ../ /dev/zero" |> Array.map Encoding.UTF8.GetBytes
       yield!
           [ "[", 5000; "{\"a\":", 2000; "a", 70000 ]
           |> List.map (fun (text, times) -> Encoding.UTF8.GetBytes(String.replicate times text)) |]

let private pick (random: Random) (items: 'T array) = items[random.Next items.Length]

/// A place: as often among the first bytes, where lengths and kinds are, as anywhere.
let private place (random: Random) length = random.Next(1 + (if random.Next 2 = 0 then min 200 length else length))

/// The bytes with some of them replaced.
let private put at count (others: byte array) (bytes: byte array) = Array.concat [ bytes[.. at - 1]; others; bytes[at + count ..] ]

let private part (random: Random) (bytes: byte array) =
    let at = place random bytes.Length
    let left = bytes.Length - at
    at, (if random.Next 2 = 0 then min left (1 + random.Next 16) else random.Next(1 + left))

let private bit (random: Random) _ (bytes: byte array) =
    let copy, at = Array.copy bytes, min (bytes.Length - 1) (place random bytes.Length)
    copy[at] <- copy[at] ^^^ (1uy <<< random.Next 8)
    copy

/// A number as protocol buffers and Thrift write it: seven bits a byte, the lowest first.
let rec private varint (value: uint64) = if value < 128UL then [ byte value ] else (byte value ||| 128uy) :: varint (value >>> 7)

/// A number of one to eight bytes, in either order, or one of seven bits a byte in the place of another.
let private number (random: Random) _ (bytes: byte array) =
    let size, value = pick random [| 1; 2; 4; 8 |], pick random numbers
    let at = place random (max 0 (bytes.Length - size))
    let little = BitConverter.GetBytes value

    match random.Next 4 with
    | 0 -> put at size (Array.rev little[.. size - 1]) bytes
    | 1 ->
        let others = bytes[at..] |> Seq.takeWhile (fun one -> one > 127uy) |> Seq.length
        put at (others + 1) (Array.ofList (varint (uint64 value))) bytes
    | _ -> put at size little[.. size - 1] bytes

let private cutOff (random: Random) _ (bytes: byte array) = bytes[.. place random bytes.Length - 1]

let private cutOut (random: Random) _ bytes =
    let at, count = part random bytes
    put at count [||] bytes

let private doubled (random: Random) _ (bytes: byte array) =
    let at, count = part random bytes
    put at 0 (Array.replicate (pick random [| 1; 1; 2; 100 |]) bytes[at .. at + count - 1] |> Array.concat) bytes

let private spliced (random: Random) (others: byte array array) bytes =
    let other = pick random others
    let (from, length), (at, count) = part random other, part random bytes
    put at (pick random [| 0; count; length |]) other[from .. from + length - 1] bytes

let private odd (random: Random) _ bytes =
    let at, count = part random bytes
    put at (pick random [| 0; 1; count |]) (pick random oddities) bytes

let private isOfNumber letter = Char.IsAsciiDigit(char letter) || letter = byte '.' || letter = byte '-'

/// A number in text, the next one after some place, becomes something else.
let private word (random: Random) others (bytes: byte array) =
    let from = random.Next(1 + bytes.Length)

    match Array.tryFindIndex (fun letter -> Char.IsAsciiDigit(char letter)) bytes[from..] with
    | Some found ->
        let at = from + found
        let count = bytes[at..] |> Array.takeWhile isOfNumber |> Array.length
        put at count (pick random words) bytes
    | None -> number random others bytes

/// What stands between two quotes or brackets becomes something else.
let private value (random: Random) others (bytes: byte array) =
    let marks =
        [| for at, letter in Seq.indexed bytes do
               if Seq.contains (char letter) "\"[]{}:,=\n" then at |]

    if marks.Length < 2 then
        odd random others bytes
    else
        let first = random.Next(marks.Length - 1)
        let last = min (marks.Length - 1) (first + pick random [| 1; 1; 2; 3; 10 |])
        put marks[first] (marks[last] - marks[first] + random.Next 2) (pick random (Array.append words others)) bytes

/// A line comes twice, not at all, or elsewhere.
let private line (random: Random) others (bytes: byte array) =
    let starts =
        [| 0
           for at, letter in Seq.indexed bytes do
               if letter = byte '\n' then at + 1 |]

    if starts.Length < 2 then
        doubled random others bytes
    else
        let first = random.Next(starts.Length - 1)
        let from, next = starts[first], starts[first + 1]

        match random.Next 3 with
        | 0 -> put from (next - from) [||] bytes
        | 1 -> put from 0 bytes[from .. next - 1] bytes
        | _ -> put (pick random starts) 0 bytes[from .. next - 1] bytes

let private changes: (Random -> byte array array -> byte array -> byte array) array =
    [| bit; bit; number; number; cutOff; cutOut; doubled; spliced; odd; word; word; value; line |]

/// An input after one change or a few; the others are what parts of it can be taken from.
let changed (random: Random) (others: byte array array) (bytes: byte array) =
    let mutable now = bytes

    for _ in 1 .. pick random [| 1; 1; 1; 2; 3; 6 |] do
        if now.Length > 0 then now <- Array.truncate longest (pick random changes random others now)

    now

/// An input that still fails, made small: ever smaller parts of it are left out while it does. (Zeller and Hildebrandt, "Simplifying and isolating failure-inducing input", 2002.)
let smallest (fails: byte array -> bool) (bytes: byte array) =
    let rec go size at (bytes: byte array) =
        if size = 0 then
            bytes
        elif at >= bytes.Length then
            go (size / 2) 0 bytes
        else
            let less = put at (min size (bytes.Length - at)) [||] bytes
            if fails less then go size at less else go size (at + size) bytes

    go (bytes.Length / 2) 0 bytes
