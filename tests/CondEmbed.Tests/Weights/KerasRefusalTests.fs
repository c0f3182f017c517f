/// Folders of Keras networks that are damaged, or whose network is not quite ResNet-50: refused with what is wrong.
module CondEmbed.Tests.KerasRefusalTests

open System
open System.IO
open System.Text.RegularExpressions
open Expecto
open CondEmbed
open CondEmbed.Checkpoints
open CondEmbed.Tests.KerasTests
open CondEmbed.Tests.Support

let private replace (old: string) (changed: string) (json: string) =
    Expect.stringContains json old "what is to be changed is there"
    json.Replace(old, changed)

let private refusals: (string * (string -> string) * string list) list =
    [ "another network", replace "conv1" "stem", [ "ResNet50" ]
      "another stride", replace "\"strides\":[2,2]" "\"strides\":[1,1]", [ "stride" ]
      "a shard outside of the folder", replace "a.bin" "../a.bin", [ "'../a.bin'"; "no file beside it" ]
      "a shard that is not there", replace "a.bin" "c.bin", [ "c.bin"; "missing" ]
      "a shard twice", replace "a.bin" "b.bin", [ "names a shard twice" ]
      "an array longer than the shards", replace "[7,7,3,4]" "[7,7,3,4000]", [ "shards have" ]
      "a huge array", replace "[7,7,3,4]" "[2000000000,2000000000,2000000000,2000000000]", [ "shards have" ]
      "a type of another kind", replace "\"dtype\":\"float32\"" "\"dtype\":\"complex64\"", [ "complex64" ]
      "a graph model", replace "layers-model" "graph-model", [ "graph-model"; "only layers models" ]
      "no JSON", (fun json -> json.Substring 10), [ "model.json" ]
      "no topology", replace "modelTopology" "else", [ "model.json" ]
      "a shard that is null", replace "\"b.bin\"" "null", [ "model.json"; "a shard of 'paths'"; "Null" ]
      "a layer's name that is null", replace "\"name\":\"pool1_pool\"" "\"name\":null", [ "'name' of a layer"; "Null" ]
      "a layer's kind that is a number", replace "\"MaxPooling2D\"" "7", [ "'class_name' of the layer 'pool1_pool'"; "Number" ]
      "a weight's name that is null", replace "\"conv1_conv/kernel\"" "null", [ "'name' of a weight"; "Null" ]
      "a weight's type that is null", replace "\"dtype\":\"float32\"" "\"dtype\":null", [ "'dtype' of 'conv1_conv/kernel'"; "Null" ]
      "a format that is null", replace "\"layers-model\"" "null", [ "'format' must be a text" ]
      "two layers of one name", replace "activation_2\"" "activation_3\"", [ "two layers 'activation_3'" ]
      "no layer that pads before the pool", replace "pool1_pad" "pool1_else", [ "no layer 'pool1_pad'"; "ResNet50" ]
      "another border before the pool", replace "[[1,1],[1,1]]" "[[0,1],[0,1]]", [ "'pool1_pad' has [[0,1],[0,1]] as its padding" ]
      "another border before the first convolution",
      replace "[[3,3],[3,3]]" "[[2,3],[2,3]]",
      [ "'conv1_pad' has [[2,3],[2,3]] as its padding"; "ResNet-50 [[3,3],[3,3]]" ]
      "a first convolution that pads by itself",
      replace "\"padding\":\"valid\",\"kernel_size\":[7,7]" "\"padding\":\"same\",\"kernel_size\":[7,7]",
      [ "'conv1_conv' has \"same\" as its padding" ]
      "a 3 x 3 convolution that does not pad",
      replace "\"padding\":\"same\",\"kernel_size\":[3,3]" "\"padding\":\"valid\",\"kernel_size\":[3,3]",
      [ "'conv2_block1_2_conv' has \"valid\" as its padding" ]
      "another pool", replace "\"pool_size\": [3, 3]" "\"pool_size\": [2, 2]", [ "'pool1_pool' has [2, 2] as its pool_size"; "[3,3]" ]
      "another step of the pool",
      replace "\"pool_size\": [3, 3],\"strides\":[2,2]" "\"pool_size\": [3, 3],\"strides\":[1,1]",
      [ "'pool1_pool' has [1,1] as its strides" ]
      "a pool that pads by itself",
      replace "\"strides\":[2,2],\"padding\":\"valid\"" "\"strides\":[2,2],\"padding\":\"same\"",
      [ "'pool1_pool' has \"same\" as its padding" ]
      "no pool", replace "MaxPooling2D" "AveragePooling2D", [ "0 layers of kind MaxPooling2D" ]
      "another activation", replace "\"activation\":\"relu\"" "\"activation\":\"tanh\"", [ "has \"tanh\" as its activation"; "\"relu\"" ]
      "an activation that says nothing", replace "\"activation\":\"relu\"" "\"else\":1", [ "has nothing as its activation" ]
      "fewer activations",
      replace "\"class_name\":\"Activation\"" "\"class_name\":\"ReLU\"",
      [ "0 layers of kind Activation, ResNet-50 49" ] ]

let private changed (change: string -> string) test =
    imported false (fun _ _ folder ->
        let model = Path.Combine(folder, "model.json")
        File.WriteAllText(model, change (File.ReadAllText model))
        test folder)

/// Moves a file aside and puts a link to it in its place.
let private link (path: string) =
    File.Move(path, path + ".real")
    File.CreateSymbolicLink(path, path + ".real") |> ignore

let tests =
    testList
        "Keras refused"
        [ for name, change, words in refusals do
              tensorTest name (fun () ->
                  changed change (fun folder -> rejects (folder :: words) (fun () -> WeightFile.Read folder |> ignore)))

          tensorTest "links count as long as what they lead to" (fun () ->
              imported false (fun file _ folder ->
                  for name in [ "model.json"; "a.bin"; "b.bin" ] do
                      link (Path.Combine(folder, name))

                  let linked = WeightFile.Read folder

                  for a, b in Seq.zip file.Arrays linked.Arrays do
                      Expect.isTrue (a.Data.Span.SequenceEqual b.Data.Span) a.Name

                  (use real = File.OpenWrite(Path.Combine(folder, "model.json.real"))
                   real.SetLength 64_000_001L)

                  rejects [ "model.json"; "longer than" ] (fun () -> WeightFile.Read folder |> ignore)))

          tensorTest "a model.json with a byte changed, or a value that is null, is read or refused, never anything else" (fun () ->
              imported false (fun _ _ folder ->
                  let model = Path.Combine(folder, "model.json")
                  let text = File.ReadAllText model
                  let random = Random 5

                  let attempt (changed: string) =
                      File.WriteAllText(model, changed)
                      isRead (fun () -> WeightFile.Read folder |> ignore)

                  [ for _ in 1..200 do
                        let at = random.Next text.Length
                        attempt (text.Remove(at, 1).Insert(at, string (char (random.Next 128)))) ]
                  |> expectReadAndRefused 5 100

                  let values = Regex("\"[^\"]*\"(?!:)|[0-9.]+|true").Matches text

                  [ for _ in 1..200 do
                        let value = values[random.Next values.Count]
                        attempt (text.Remove(value.Index, value.Length).Insert(value.Index, "null")) ]
                  |> expectReadAndRefused 0 100)) ]
