/// A run's report as a person uses it, in Chromium.
module CondEmbed.Tests.ReportPageTests

open System.IO
open Expecto
open CondEmbed.Storage
open CondEmbed.Tests.Browser
open CondEmbed.Tests.RunSupport
open CondEmbed.Tests.Support

let tests =
    testList
        "report page"
        [ test "the map comes closer by buttons and keys, stays inside, and shows one class" {
              inFolder (fun folder ->
                  let report = Path.GetFullPath(RunFolder(finishedRun []).Report)
                  use page = Page.Start folder
                  page.Open $"file://{report}"

                  let seen () =
                      page
                          .Run("return document.querySelector('.dots').getAttribute('viewBox').split(' ').map(Number).join(' ')")
                          .GetString()
                  // The page scrolls smoothly, and a pointer would miss what moves.
                  let press zoom = page.Run($"document.querySelector(\"[data-zoom='{zoom}']\").click()") |> ignore
                  page.WaitFor "!document.querySelector('.map .controls').hidden"
                  Expect.equal (seen ()) "0 0 640 500" "the whole"
                  press "+"
                  Expect.equal (seen ()) "160 125 320 250" "the middle, twice as large"
                  let look (how: string) = page.Run($"document.querySelector('.dots').dispatchEvent({how})") |> ignore
                  look "new KeyboardEvent('keydown', { key: '+' })"
                  Expect.equal (seen ()) "240 187.5 160 125" "by key"

                  for _ in 1..5 do
                      look "new WheelEvent('wheel', { ctrlKey: true, deltaY: -1, clientX: 0, clientY: 0, cancelable: true })"

                  let box = (seen ()).Split ' ' |> Array.map float

                  Expect.isTrue
                      (box[0] >= 0.0 && box[1] >= 0.0 && box[0] + box[2] <= 640.0 && box[1] + box[3] <= 500.0)
                      $"inside: {seen ()}"

                  press "0"
                  Expect.equal (seen ()) "0 0 640 500" "the whole again"

                  page.Run("let c = document.querySelector('.map select'); c.selectedIndex = 1; c.dispatchEvent(new Event('change'))")
                  |> ignore

                  Expect.equal (page.Run("return document.querySelectorAll('.dots g.on').length").GetInt32()) 1 "one class"
                  Expect.isEmpty (page.Complaints()) "the console is quiet")
          } ]
