@echo off
rem Runs Paket with its package source taken from this machine's NuGet settings, so that no registry's name stands in the repository.
setlocal
set "ROOT=%~dp0.."
if not defined CONDEMBED_NUGET (
  for /f "tokens=1,2" %%a in ('dotnet nuget list source --format short') do (
    if "%%a"=="E" if not defined CONDEMBED_NUGET set "CONDEMBED_NUGET=%%b"
  )
)
if not defined CONDEMBED_NUGET (
  echo tools\paket.cmd: no enabled NuGet source; add one with 'dotnet nuget add source', or set CONDEMBED_NUGET. 1>&2
  exit /b 2
)
pushd "%ROOT%"
dotnet tool restore >nul
popd
if "%1"=="fix-nuspecs" (
  rem Part of 'dotnet pack': what Paket traces helps nobody there.
  dotnet paket %* >nul
) else (
  dotnet paket %*
)
set STATUS=%ERRORLEVEL%
rem 'install' and 'update' write the source's real address: put the placeholder back.
findstr /r /c:"remote: [^%%]" "%ROOT%\paket.lock" >nul 2>nul && powershell -NoProfile -Command "(Get-Content '%ROOT%\paket.lock') -replace '^( *remote: )[^%%].*','$1%%CONDEMBED_NUGET%%' | Set-Content '%ROOT%\paket.lock'"
exit /b %STATUS%
