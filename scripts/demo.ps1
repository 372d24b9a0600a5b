# Windows: install what is needed and serve the page on http://localhost:7860 (HOST and PORT say otherwise).
#   powershell -ExecutionPolicy Bypass -File scripts\demo.ps1
$ErrorActionPreference = "Stop"
Set-Location (Join-Path $PSScriptRoot "..")
$python = ".venv\Scripts\python.exe"
$stamp = ".venv\installed"
$wanted = (Get-Content pyproject.toml, requirements*.txt -Raw) -join "`n"

function Invoke-Checked {
    param([string]$Program, [string[]]$Arguments)
    & $Program @Arguments
    if ($LASTEXITCODE -ne 0) { throw "$Program $Arguments ended with status $LASTEXITCODE." }
}

if (-not (Test-Path $python)) {
    if (Get-Command uv -ErrorAction SilentlyContinue) {
        Invoke-Checked uv @("venv", "--seed", "--python", "3.11", ".venv")
    } elseif (Get-Command py -ErrorAction SilentlyContinue) {
        $installed = (& py --list) -join " "
        $version = @("3.11", "3.12") | Where-Object { $installed.Contains($_) } | Select-Object -First 1
        if (-not $version) { throw "Python 3.11 or 3.12 is needed: install one from python.org, or install uv." }
        Invoke-Checked py @("-$version", "-m", "venv", ".venv")
    } else {
        throw "Python 3.11 or 3.12 is needed: install one from python.org, or install uv."
    }
}
if (-not (Test-Path $stamp) -or (Get-Content $stamp -Raw).TrimEnd() -ne $wanted.TrimEnd()) {
    Write-Output "Installing Follow Your Pose; the first time this takes a few minutes"
    if (Get-Command uv -ErrorAction SilentlyContinue) {
        Invoke-Checked uv @("pip", "install", "--python", $python, "--torch-backend", "auto", "--editable", ".")
    } else {
        Invoke-Checked $python @("-m", "pip", "install", "--quiet", "--editable", ".")
    }
    Set-Content -Path $stamp -Value $wanted
}
& $python app.py @args
exit $LASTEXITCODE
